//! Identity providers and services in the cloud.

use super::{Case, Verify};
use rotabox_guest::testing::{Reply, json};

pub(super) fn cases() -> Vec<Case> {
    vec![keycloak(), scim(), entra(), auth0(), servicenow(), jfrog()]
}

fn token() -> (&'static str, Reply) {
    ("token", Reply::json(200, json!({ "access_token": "acc3ss", "token_type": "Bearer", "expires_in": 300 })))
}

fn keycloak() -> Case {
    let user = json!({ "id": "0f-1", "username": "svc", "enabled": true });
    Case {
        page: "keycloak",
        user: "Svc",
        change: vec![token(), ("find", Reply::json(200, json!([user]))), ("set", Reply::status(204))],
        sets: "set",
        set_line: "PUT https://kc.example/admin/realms/text-kc-realm/users/0f-1/reset-password",
        set_body: r#"{"type":"password","value":"N3w\"pa$s\\w0rd & <é> %41+","temporary":false}"#,
        missing: Some(("find", Reply::json(200, json!([])))),
        refusal: Some(Reply::json(400, json!({ "error": "invalidPasswordHistoryMessage" }))),
        verify: Some(Verify {
            route: "sign-in",
            replies: vec![
                ("sign-in", Reply::json(200, json!({ "access_token": "a", "refresh_token": "r" }))),
                ("sign-out", Reply::status(204)),
            ],
            refusal: Reply::json(
                401,
                json!({ "error": "invalid_grant", "error_description": "Invalid user credentials" }),
            ),
        }),
    }
}

fn scim() -> Case {
    let found = json!({ "totalResults": 1, "Resources": [{ "id": "2819", "userName": "ann@acme.example" }] });
    let refusal = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "scimType": "invalidValue" });
    Case {
        page: "scim",
        user: "Ann@acme.example",
        change: vec![("find", Reply::json(200, found)), ("set", Reply::status(204))],
        sets: "set",
        set_line: "PATCH https://idp.example/Users/2819",
        set_body: r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"password","value":"N3w\"pa$s\\w0rd & <é> %41+"}]}"#,
        missing: Some(("find", Reply::json(200, json!({ "totalResults": 0, "Resources": [] })))),
        refusal: Some(Reply::json(400, refusal)),
        verify: None,
    }
}

fn entra() -> Case {
    let user = json!({ "id": "6ea9-1", "userPrincipalName": "Ann@acme.example" });
    let refusal = json!({ "error": { "code": "Authorization_RequestDenied", "message": "…", "innerError": { "request-id": "1" } } });
    Case {
        page: "entra",
        user: "ann@acme.example",
        change: vec![token(), ("read", Reply::json(200, user)), ("set", Reply::status(204))],
        sets: "set",
        set_line: "PATCH https://graph.microsoft.com/v1.0/users/6ea9-1",
        set_body: r#"{"passwordProfile":{"password":"N3w\"pa$s\\w0rd & <é> %41+","forceChangePasswordNextSignIn":false}}"#,
        missing: Some(("read", Reply::json(404, json!({ "error": { "code": "Request_ResourceNotFound" } })))),
        refusal: Some(Reply::json(403, refusal)),
        verify: None,
    }
}

fn auth0() -> Case {
    let user = json!({ "user_id": "auth0|5f", "email": "ann@acme.example", "identities": [{ "connection": "text-app-connection" }] });
    let social =
        json!({ "user_id": "google|1", "email": "ann@acme.example", "identities": [{ "connection": "google" }] });
    Case {
        page: "auth0",
        user: "ann@acme.example",
        change: vec![
            token(),
            ("find", Reply::json(200, json!([social, user]))),
            ("set", Reply::json(200, json!({ "user_id": "auth0|5f" }))),
        ],
        sets: "set",
        set_line: "PATCH https://app.example/api/v2/users/auth0%7C5f",
        set_body: r#"{"password":"N3w\"pa$s\\w0rd & <é> %41+","connection":"text-app-connection"}"#,
        missing: Some(("find", Reply::json(200, json!([social])))),
        refusal: Some(Reply::json(
            400,
            json!({ "statusCode": 400, "error": "Bad Request", "message": "PasswordStrengthError" }),
        )),
        verify: Some(Verify {
            route: "sign-in",
            replies: vec![("sign-in", Reply::json(200, json!({ "access_token": "a" })))],
            refusal: Reply::json(
                403,
                json!({ "error": "invalid_grant", "error_description": "Wrong email or password." }),
            ),
        }),
    }
}

fn servicenow() -> Case {
    Case {
        page: "servicenow",
        user: "svc^ORactive=true",
        change: vec![
            ("find", Reply::json(200, json!({ "result": [{ "sys_id": "46d4", "user_name": "svc^ORactive=true" }] }))),
            ("set", Reply::json(200, json!({ "result": { "sys_id": "46d4" } }))),
        ],
        sets: "set",
        set_line: "PATCH https://admin.example/api/now/table/sys_user/46d4?sysparm_input_display_value=true&sysparm_fields=sys_id",
        set_body: r#"{"user_password":"N3w\"pa$s\\w0rd & <é> %41+","password_needs_reset":"false"}"#,
        missing: Some(("find", Reply::json(200, json!({ "result": [] })))),
        refusal: Some(Reply::json(403, json!({ "error": { "message": "Operation Failed", "detail": "ACL" } }))),
        verify: Some(Verify {
            route: "whoami",
            replies: vec![("whoami", Reply::json(200, json!({ "result": [] })))],
            refusal: Reply::json(401, json!({ "error": { "message": "User Not Authenticated", "detail": "…" } })),
        }),
    }
}

fn jfrog() -> Case {
    Case {
        page: "jfrog",
        user: "svc",
        change: vec![
            ("read", Reply::json(200, json!({ "username": "svc", "realm": "internal" }))),
            ("set", Reply::status(204)),
        ],
        sets: "set",
        set_line: "PUT https://api.example/access/api/v2/users/svc/password",
        set_body: r#"{"password":"N3w\"pa$s\\w0rd & <é> %41+"}"#,
        missing: Some(("read", Reply::json(404, json!({ "errors": [{ "code": "NOT_FOUND", "message": "…" }] })))),
        refusal: Some(Reply::json(400, json!({ "errors": [{ "code": "BAD_REQUEST", "message": "…" }] }))),
        verify: None,
    }
}
