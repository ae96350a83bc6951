//! Servers that keep their own users.

use super::{Case, Verify};
use rotabox_guest::testing::{Reply, json};

pub(super) fn cases() -> Vec<Case> {
    vec![
        rest(),
        rabbitmq(),
        openbao(),
        couchdb(),
        synapse(),
        elasticsearch(),
        opensearch(),
        grafana(),
        zabbix(),
        splunk(),
    ]
}

fn rest() -> Case {
    Case {
        page: "rest",
        user: "ann@acme.example",
        change: vec![("set", Reply::json(201, json!({ "status": "done" })))],
        sets: "set",
        set_line: "POST https://api.example/",
        set_body: r#"{"userEmail":"ann@acme.example","newPassword":"N3w\"pa$s\\w0rd & <é> %41+"}"#,
        missing: None,
        refusal: None,
        verify: None,
    }
}

fn rabbitmq() -> Case {
    let user = json!({ "name": "svc", "password_hash": "x", "tags": ["monitoring", "policymaker"], "limits": {} });
    Case {
        page: "rabbitmq",
        user: "svc",
        change: vec![("read", Reply::json(200, user)), ("set", Reply::status(204))],
        sets: "set",
        set_line: "PUT https://api.example/api/users/svc",
        set_body: r#"{"password":"N3w\"pa$s\\w0rd & <é> %41+","tags":["monitoring","policymaker"]}"#,
        missing: Some(("read", Reply::json(404, json!({ "error": "Object Not Found", "reason": "Not Found" })))),
        refusal: Some(Reply::json(400, json!({ "error": "bad_request", "reason": "credential_validation_failed" }))),
        verify: Some(Verify {
            route: "whoami",
            replies: vec![("whoami", Reply::json(200, json!({ "name": "svc", "tags": ["monitoring"] })))],
            refusal: Reply::json(401, json!({ "error": "not_authorized", "reason": "Not_Authorized" })),
        }),
    }
}

fn openbao() -> Case {
    let user = json!({ "data": { "token_policies": ["default"], "token_ttl": 0 } });
    Case {
        page: "openbao",
        user: "svc-db",
        change: vec![("exists", Reply::json(200, user)), ("set", Reply::status(204))],
        sets: "set",
        set_line: "POST https://vault.example/v1/auth/userpass/users/svc-db/password",
        set_body: r#"{"password":"N3w\"pa$s\\w0rd & <é> %41+"}"#,
        missing: Some(("exists", Reply::json(404, json!({ "errors": [] })))),
        refusal: Some(Reply::json(403, json!({ "errors": ["permission denied"] }))),
        verify: Some(Verify {
            route: "sign-in",
            replies: vec![
                ("sign-in", Reply::json(200, json!({ "auth": { "client_token": "s.session" } }))),
                ("sign-out", Reply::status(204)),
            ],
            refusal: Reply::json(400, json!({ "errors": ["invalid username or password"] })),
        }),
    }
}

fn couchdb() -> Case {
    // The revision, the roles and a number beyond a double go back as they came.
    let document = r#"{"_id":"org.couchdb.user:svc","_rev":"3-ab","name":"svc","roles":["ops"],"type":"user","n":12345678901234567890.10}"#;
    Case {
        page: "couchdb",
        user: "svc",
        change: vec![
            ("read", Reply::text(200, document)),
            ("write", Reply::json(201, json!({ "ok": true, "id": "org.couchdb.user:svc", "rev": "4-cd" }))),
        ],
        sets: "write",
        set_line: "PUT https://db.example/_users/org.couchdb.user:svc",
        set_body: r#"{"_id":"org.couchdb.user:svc","_rev":"3-ab","name":"svc","roles":["ops"],"type":"user","n":12345678901234567890.10,"password":"N3w\"pa$s\\w0rd & <é> %41+"}"#,
        missing: Some(("read", Reply::json(404, json!({ "error": "not_found", "reason": "missing" })))),
        refusal: Some(Reply::json(409, json!({ "error": "conflict", "reason": "Document update conflict." }))),
        verify: Some(Verify {
            route: "sign-in",
            replies: vec![("sign-in", Reply::json(200, json!({ "ok": true, "name": "svc", "roles": ["ops"] })))],
            refusal: Reply::json(401, json!({ "error": "unauthorized", "reason": "Name or password is incorrect." })),
        }),
    }
}

fn synapse() -> Case {
    Case {
        page: "synapse",
        user: "@ann:acme.example",
        change: vec![
            ("read", Reply::json(200, json!({ "name": "@ann:acme.example", "deactivated": false, "admin": false }))),
            ("set", Reply::json(200, json!({ "name": "@ann:acme.example" }))),
        ],
        sets: "set",
        set_line: "PUT https://hs.example/_synapse/admin/v2/users/%40ann%3Aacme.example",
        set_body: r#"{"password":"N3w\"pa$s\\w0rd & <é> %41+","logout_devices":false}"#,
        missing: Some(("read", Reply::json(404, json!({ "errcode": "M_NOT_FOUND", "error": "User not found" })))),
        refusal: Some(Reply::json(400, json!({ "errcode": "M_UNKNOWN", "error": "…" }))),
        verify: Some(Verify {
            route: "sign-in",
            replies: vec![
                ("sign-in", Reply::json(200, json!({ "user_id": "@ann:acme.example", "access_token": "syt_x" }))),
                ("sign-out", Reply::json(200, json!({}))),
            ],
            refusal: Reply::json(403, json!({ "errcode": "M_FORBIDDEN", "error": "Invalid username or password" })),
        }),
    }
}

fn elasticsearch() -> Case {
    Case {
        page: "elasticsearch",
        user: "svc",
        change: vec![
            ("read", Reply::json(200, json!({ "svc": { "username": "svc", "roles": [], "enabled": true } }))),
            ("set", Reply::json(200, json!({}))),
        ],
        sets: "set",
        set_line: "POST https://es.example/_security/user/svc/_password",
        set_body: r#"{"password":"N3w\"pa$s\\w0rd & <é> %41+"}"#,
        missing: Some(("read", Reply::json(404, json!({})))),
        refusal: Some(Reply::json(400, json!({ "error": { "type": "validation_exception" }, "status": 400 }))),
        verify: Some(Verify {
            route: "whoami",
            replies: vec![("whoami", Reply::json(200, json!({ "username": "svc", "enabled": true })))],
            refusal: Reply::json(401, json!({ "error": { "type": "security_exception" }, "status": 401 })),
        }),
    }
}

fn opensearch() -> Case {
    Case {
        page: "opensearch",
        user: "svc",
        change: vec![
            ("read", Reply::json(200, json!({ "svc": { "hash": "", "backend_roles": ["ops"] } }))),
            ("set", Reply::json(200, json!({ "status": "OK", "message": "'svc' updated." }))),
        ],
        sets: "set",
        set_line: "PATCH https://admin.example/_plugins/_security/api/internalusers/svc",
        set_body: r#"[{"op":"add","path":"/password","value":"N3w\"pa$s\\w0rd & <é> %41+"}]"#,
        missing: Some(("read", Reply::json(404, json!({ "status": "NOT_FOUND" })))),
        refusal: Some(Reply::json(400, json!({ "status": "error", "reason": "Weak password" }))),
        verify: Some(Verify {
            route: "whoami",
            replies: vec![("whoami", Reply::json(200, json!({ "user_name": "svc" })))],
            refusal: Reply::text(401, "Unauthorized"),
        }),
    }
}

fn grafana() -> Case {
    Case {
        page: "grafana",
        user: "ann+ops@acme.example",
        change: vec![
            ("find", Reply::json(200, json!({ "id": 7, "email": "ann+ops@acme.example", "isExternal": false }))),
            ("set", Reply::json(200, json!({ "message": "User password updated" }))),
        ],
        sets: "set",
        set_line: "PUT https://admin.example/api/admin/users/7/password",
        set_body: r#"{"password":"N3w\"pa$s\\w0rd & <é> %41+"}"#,
        missing: Some(("find", Reply::json(404, json!({ "message": "user not found" })))),
        refusal: Some(Reply::json(400, json!({ "message": "New password is too short" }))),
        verify: Some(Verify {
            route: "whoami",
            replies: vec![("whoami", Reply::json(200, json!({ "id": 7, "login": "ann" })))],
            refusal: Reply::json(401, json!({ "message": "Invalid username or password" })),
        }),
    }
}

fn zabbix() -> Case {
    let answer = |result| Reply::json(200, json!({ "jsonrpc": "2.0", "result": result, "id": 1 }));
    let error =
        |data| Reply::json(200, json!({ "jsonrpc": "2.0", "error": { "code": -32500, "data": data }, "id": 1 }));
    Case {
        page: "zabbix",
        user: "svc",
        change: vec![
            ("find", answer(json!([{ "userid": "12", "username": "svc" }]))),
            ("set", answer(json!({ "userids": ["12"] }))),
        ],
        sets: "set",
        set_line: "POST https://api.example/api_jsonrpc.php",
        set_body: r#"{"jsonrpc":"2.0","id":1,"method":"user.update","params":{"userid":"12","passwd":"N3w\"pa$s\\w0rd & <é> %41+"}}"#,
        missing: Some(("find", answer(json!([])))),
        refusal: Some(error("Incorrect value for field \"passwd\".")),
        verify: Some(Verify {
            route: "sign-in",
            replies: vec![
                ("sign-in", answer(json!("0424bd59b807674191e7d77572075f33"))),
                ("sign-out", answer(json!(true))),
            ],
            refusal: error("Incorrect user name or password or account is temporarily blocked."),
        }),
    }
}

fn splunk() -> Case {
    let user = json!({ "entry": [{ "name": "svc", "content": { "type": "Splunk", "roles": ["user"] } }] });
    Case {
        page: "splunk",
        user: "svc",
        change: vec![("read", Reply::json(200, user)), ("set", Reply::json(200, json!({ "entry": [] })))],
        sets: "set",
        set_line: "POST https://splunk.example/services/authentication/users/svc?output_mode=json",
        set_body: "password=N3w%22pa%24s%5Cw0rd+%26+%3C%C3%A9%3E+%2541%2B",
        missing: Some(("read", Reply::json(404, json!({ "messages": [{ "type": "ERROR", "text": "…" }] })))),
        refusal: Some(Reply::json(400, json!({ "messages": [{ "type": "ERROR", "text": "too short" }] }))),
        verify: Some(Verify {
            route: "sign-in",
            replies: vec![("sign-in", Reply::json(200, json!({ "sessionKey": "192fd3e4" })))],
            refusal: Reply::json(401, json!({ "messages": [{ "type": "WARN", "text": "Login failed" }] })),
        }),
    }
}
