//! Servers that keep their own users.

use super::{Case, Verify};
use rotabox_guest::testing::{Reply, json};

pub(super) fn cases() -> Vec<Case> {
    vec![rest(), rabbitmq(), openbao(), couchdb(), synapse()]
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
