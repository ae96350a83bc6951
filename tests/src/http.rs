//! HTTP/1.1 as a server sees it, by hand: a stand-in has to see every byte that came and has to be able to answer wrongly.

use serde_json::Value;
use std::io::{self, Read, Write};
use std::time::Instant;

/// Most bytes of a request's head, and of its body.
const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 8 * 1024 * 1024;

/// One request, exactly as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its place among all requests of the server, from 0.
    pub number: usize,
    /// The connection it came on, from 0.
    pub connection: usize,
    /// When its last byte was read.
    pub at: Instant,
    /// `GET`, …
    pub method: String,
    /// The target as it was sent: path and query, still percent-encoded.
    pub target: String,
    /// Names in lower case, values as they were.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The path, still percent-encoded.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The path's segments, decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path().split('/').skip(1).map(|segment| percent_decode(segment, false)).collect()
    }

    /// The query's pairs, decoded (`+` is a blank).
    pub fn query(&self) -> Vec<(String, String)> {
        let Some((_, query)) = self.target.split_once('?') else { return Vec::new() };
        form_decode(query)
    }

    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `GET /api/v1/users`: method and path, for comparing with a list.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers in order; `content-length` is added when it is written.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// No body.
    pub fn empty(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Answer {
        Answer { status, headers: Vec::new(), body: body.to_string().into_bytes() }
            .with("content-type", "application/json")
    }

    /// A text body.
    pub fn text(status: u16, body: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }.with("content-type", "text/plain")
    }

    /// One more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if self.status != 204 && self.status != 304 {
            out.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}

/// Method, target, headers (lower-case names) and body of one request.
pub type Parts = (String, String, Vec<(String, String)>, Vec<u8>);

/// Reads one request; `None` if the other side ended the connection between requests.
pub fn read_request(stream: &mut (impl Read + Write)) -> io::Result<Option<Parts>> {
    let Some(head) = read_head(stream)? else { return Ok(None) };
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) = (first.next(), first.next(), first.next(), first.next())
    else {
        return Err(bad("a request line that is not `METHOD target HTTP/1.1`"));
    };
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(bad("a header name with a blank"));
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    if find("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.flush()?;
    }
    let body = match (find("content-length"), find("transfer-encoding")) {
        (Some(_), Some(_)) => return Err(bad("both content-length and transfer-encoding")),
        (None, Some(_)) => read_chunked(stream)?,
        (None, None) => Vec::new(),
        (Some(length), None) => {
            let length: usize = length.parse().map_err(|_| bad("a content-length that is no number"))?;
            if length > MAX_BODY {
                return Err(bad("a body that is too long"));
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            body
        }
    };
    Ok(Some((method.to_owned(), target.to_owned(), headers, body)))
}

fn read_head(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(bad("a head that is too long"));
        }
        if stream.read(&mut byte)? == 0 {
            return if head.is_empty() { Ok(None) } else { Err(bad("the end inside a head")) };
        }
        head.push(byte[0]);
    }
    head.truncate(head.len() - 4);
    String::from_utf8(head).map(Some).map_err(|_| bad("a head that is not UTF-8"))
}

fn read_chunked(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(|_| bad("a chunk size that is no number"))?;
        if body.len() + size > MAX_BODY {
            return Err(bad("a body that is too long"));
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..])?;
        read_line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn read_line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
        if line.len() > 100 {
            return Err(bad("a chunk line that is too long"));
        }
    }
    String::from_utf8(line).map_err(|_| bad("a chunk line that is not UTF-8"))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the client sent {what}"))
}

/// Undoes percent-encoding; what is no UTF-8 is replaced.
pub fn percent_decode(text: &str, plus_is_blank: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).filter(|two| two.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|two| std::str::from_utf8(two).ok());
        match (bytes[i], hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 2;
            }
            (b'+', _) if plus_is_blank => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Pairs of a query or a form.
pub fn form_decode(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (percent_decode(name, true), percent_decode(value, true)))
        .collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pipe(io::Cursor<Vec<u8>>, Vec<u8>);
    impl Read for Pipe {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0.read(out)
        }
    }
    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_request_is_read_with_its_length_or_its_chunks() {
        for bytes in [
            "POST /a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
            "POST /a?b=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        ] {
            let mut pipe = Pipe(io::Cursor::new(bytes.as_bytes().to_vec()), Vec::new());
            let (method, target, _, body) = read_request(&mut pipe).unwrap().unwrap();
            assert_eq!((method.as_str(), target.as_str(), body.as_slice()), ("POST", "/a?b=1", b"abc".as_slice()));
        }
    }

    #[test]
    fn requests_that_no_good_client_sends_are_errors() {
        for bytes in [
            "POST /a HTTP/1.0\r\n\r\n",
            "POST  /a HTTP/1.1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET /a HTTP/1.1\r\nHo",
        ] {
            let mut pipe = Pipe(io::Cursor::new(bytes.as_bytes().to_vec()), Vec::new());
            assert!(read_request(&mut pipe).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn percent_decoding_leaves_what_is_no_code() {
        assert_eq!(percent_decode("%40jo%3Aho%2", false), "@jo:ho%2");
        assert_eq!(percent_decode("a+b%2B", true), "a b+");
        assert_eq!(percent_decode("%é%e", false), "%é%e");
    }
}
