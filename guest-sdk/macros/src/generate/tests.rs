#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use rotabox_page::diagnostic::SourceFile;

const PAGE: &str = r#"
version = 1
name = "acme"

[records.api]
url = "url"
secret = { token = "password" }

[[route]]
name = "find"
about = "one account"
for = ["change"]
request = "GET {api.url}/users/{user}"
headers = { authorization = "Bearer {api.token}" }
shows = { state = "/state" }

[[route]]
name = "add-to-group"
for = ["change"]
may-fail = true
request = "PUT {api.url}/groups/{arg.group}/{arg.number}"
headers = { authorization = "Bearer {api.token}" }
json = { role = "{arg.role}" }

  [route.args]
  group = { class = "token", max = 64 }
  number = { class = "number" }
  role = { one-of = ["read-only", "owner"] }
"#;

fn generated(page: &str) -> Result<String, String> {
    let page = rotabox_page::parse::parse(SourceFile::new("page.toml", page)).unwrap();
    let code = code(&page, "page.toml")?;
    let file: syn::File = syn::parse2(code).unwrap();
    Ok(quote!(#file).to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_route_becomes_a_function_with_its_request_as_documentation() {
    let code = generated(PAGE).unwrap();
    assert!(code.contains("fn find (& mut self) -> "), "{code}");
    assert!(code.contains("self . call (\"find\" , & [])"), "{code}");
    assert!(code.contains(r#"# [doc = " one account"]"#), "{code}");
    assert!(code.contains("`GET {api.url}/users/{user}`"), "{code}");
    assert!(code.contains("Shows `state`."), "{code}");
    assert!(code.contains("pub (crate) const STATE : & str = \"state\" ;"), "{code}");
    assert!(code.contains("pub (crate) const ADD_TO_GROUP : & str = \"add-to-group\" ;"), "{code}");
}

#[test]
fn arguments_become_a_struct_with_a_type_a_class() {
    let code = generated(PAGE).unwrap();
    assert!(code.contains("fn add_to_group (& mut self , args : args :: AddToGroup < '_ >)"), "{code}");
    assert!(code.contains("pub (crate) group : & 'a str"), "{code}");
    assert!(code.contains("pub (crate) number : u64"), "{code}");
    assert!(code.contains("pub (crate) role : AddToGroupRole"), "{code}");
    assert!(code.contains("Self :: ReadOnly => \"read-only\""), "{code}");
}

#[test]
fn choices_that_are_no_distinct_names_stay_text() {
    for choices in [r#"["a-b", "a b"]"#, r#"["*"]"#, r#"["é"]"#] {
        let page = PAGE.replace(r#"["read-only", "owner"]"#, choices);
        let code = generated(&page).unwrap();
        assert!(code.contains("pub (crate) role : & 'a str"), "{choices}: {code}");
    }
}

#[test]
fn a_route_that_http_would_hide_is_refused_with_its_line() {
    let error = generated(&PAGE.replace("\"find\"", "\"call\"")).unwrap_err();
    assert!(error.starts_with("page.toml:9:1: `call` is a function of `Http` already\n"), "{error}");
    assert!(error.ends_with("hint: give the route another name"), "{error}");
}
