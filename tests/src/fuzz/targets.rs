//! What is attacked.

mod answers;
mod files;
mod frames;
mod http;
mod modules;
mod requests;

use super::Target;

/// Inputs of a brief run, where one takes microseconds.
const MANY: u64 = 2_000;

/// Every reader of what strangers write.
pub const TARGETS: &[Target] = &[
    Target {
        name: "stdin_params",
        run: files::stdin_params,
        words: &["oldPassword", "newPassword", "records", "user", "uid", "title", "\":\"", "e30=", "[{}]"],
        brief: MANY,
    },
    Target { name: "page_parse", run: files::page_parse, words: PAGE_WORDS, brief: MANY },
    Target {
        name: "policy_parse",
        run: files::policy_parse,
        words: &[
            "[rotator]",
            "sha256",
            "[records.api]",
            "hosts",
            "allow = [\"*\"]",
            "[limits]",
            "deadline",
            "[network]",
            "[[network.open]]",
            "[audit]",
        ],
        brief: MANY,
    },
    Target {
        name: "cassette_parse",
        run: files::cassette_parse,
        words: &[
            "[[step]]\n",
            "events = [",
            "{ send = \"a\", ",
            "status = 200",
            "judged = \"accepted\"",
            "{ routes = [] },",
            "ends = ",
            "{ sleep = 1 }",
        ],
        brief: MANY,
    },
    Target {
        name: "path_and_encoders",
        run: requests::encoders,
        words: &["..", "%2e", "/", "&", "=", "]]>", "&amp;", "{user}", "+", "\u{0}"],
        brief: MANY,
    },
    Target {
        name: "answer_judge",
        run: answers::answer_judge,
        words: &[
            "{\"id\":",
            "\"status\":\"SUCCESS\"",
            "\"stateToken\":",
            "\"profile\":{\"login\":\"ann\"}",
            "[",
            "]",
            "null",
            "E0000004",
        ],
        brief: MANY,
    },
    Target {
        name: "ip_classify",
        run: frames::ip_classify,
        words: &["\u{7f}\0\0\u{1}", "\n\0\0\u{1}", "\0\0\0\0"],
        brief: MANY,
    },
    Target {
        name: "redactor",
        run: answers::redactor,
        words: &["%41", "\\u0041", "&#65;", "+", "%25", "\\\\"],
        brief: MANY,
    },
    Target {
        name: "wire_to_broker",
        run: frames::wire_to_broker,
        words: &["\"send\"", "\"routes\"", "{\"ok\":null}", "\"sleep\":{\"milliseconds\":1}"],
        brief: MANY,
    },
    Target {
        name: "wire_to_worker",
        run: frames::wire_to_worker,
        words: &["\"slept\"", "{\"now\":1}", "\"step\":\"verify\"", "\"memory-bytes\":1"],
        brief: MANY,
    },
    Target {
        name: "log_sanitise",
        run: answers::log_sanitise,
        words: &["\\u{1b}", "\u{1b}[2J", "\u{202e}", "\\"],
        brief: MANY,
    },
    Target {
        name: "audit_chain",
        run: files::audit_chain,
        words: &["\"seq\":", "\"hash\":\"", "\"prev\":\"", "\"version\":1", "}\n"],
        brief: MANY,
    },
    Target {
        name: "sealed_page",
        run: files::sealed_page,
        words: &["\0asm\r\0\u{1}\0", "rotabox:page", "\0\u{c}rotabox:page"],
        brief: MANY,
    },
    Target {
        name: "record_url",
        run: requests::record_url,
        words: &[
            "https://",
            "acme.okta.com",
            "acme.example",
            ":8443",
            "@",
            "%2e",
            "[fd00::1]",
            "#",
            "?",
            "\\",
            "/../",
            "xn--",
        ],
        brief: MANY,
    },
    Target {
        name: "path_template",
        run: requests::path_template,
        words: &["{user}", "/", "..", "%2e", "%2f", "{{", "}}", "\n", ";", "\\", "?", "#", "//"],
        brief: MANY,
    },
    Target {
        name: "header_filter",
        run: requests::header_filter,
        words: &[
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "proxy-authorization",
            "x-",
            "{user}",
            "\n",
            "\r",
            ":",
        ],
        brief: MANY,
    },
    Target {
        name: "signature",
        run: files::signature,
        words: &["untrusted comment: ", "trusted comment: ", "rotabox acme 1.2.0", "RUQ", "=", "\r\n"],
        brief: MANY,
    },
    Target {
        name: "http_response",
        run: http::response,
        words: &[
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 304 \r\n",
            "HTTP/1.0 204 x\r\n",
            "content-length: 3\r\n",
            "content-length: 99999999999999999999\r\n",
            "transfer-encoding: chunked\r\n",
            "content-encoding: gzip\r\n",
            "set-cookie: a=b; domain=.test; path=/\r\n",
            "connection: close\r\n",
            "location: https://127.0.0.1/\r\n",
            "\r\n\r\n",
            "3\r\nabc\r\n",
            "0\r\n\r\n",
            "\r\n ",
        ],
        brief: 300,
    },
    Target { name: "admission_scan", run: modules::admission, words: WASM_WORDS, brief: 400 },
    Target { name: "guest_run", run: modules::run, words: WASM_WORDS, brief: 150 },
    Target {
        name: "host_port",
        run: requests::host_port,
        words: &["localhost", ":443", "[::1]", "xn--", "."],
        brief: MANY,
    },
];

const PAGE_WORDS: &[&str] = &[
    "[[route]]\n",
    "name = \"a\"\n",
    "for = [\"verify\"]\n",
    "changes = true\n",
    "request = \"GET {api.url}/x\"\n",
    "{candidate}",
    "{new-password}",
    "expects = { status = 200 }\n",
    "refuses",
    "requires",
    "binds = { id = \"/id\" }\n",
    "shows",
    "captures",
    "json = ",
    "[records.api]\n",
    "secret = { token = \"password\" }\n",
    "[route.args]\n",
    "may-fail = true\n",
    "pages",
    "picks",
];

const WASM_WORDS: &[&str] = &[
    "\0asm\r\0\u{1}\0",
    "\0asm\u{1}\0\0\0",
    "rotabox:rotator/http@0.1.0",
    "rotabox:rotator/rotation@0.1.0",
    "wasi:cli/exit@0.2.0",
    "cabi_realloc",
    "memory",
    "run",
    "\u{b}",
    "\0",
    "\u{7f}",
    "\u{3}\u{40}\u{c}\0\u{b}",
];
