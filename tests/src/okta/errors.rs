//! The one shape of an error, and the codes of the vendor's list that a rotation can meet.

use crate::http::Answer;
use serde_json::json;

/// An error answer.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    code: &'static str,
    summary: String,
    causes: Vec<String>,
}

impl Problem {
    fn new(status: u16, code: &'static str, summary: impl Into<String>) -> Problem {
        Problem { status, code, summary: summary.into(), causes: Vec::new() }
    }

    fn because(mut self, cause: impl Into<String>) -> Problem {
        self.causes.push(cause.into());
        self
    }

    /// E0000001: a value breaks a rule.
    pub(super) fn validation(what: &str, cause: impl Into<String>) -> Problem {
        Problem::new(400, "E0000001", format!("Api validation failed: {what}")).because(cause)
    }

    /// E0000003: not the documented body.
    pub(super) fn malformed() -> Problem {
        Problem::new(400, "E0000003", "The request body was not well-formed.")
    }

    /// E0000021: not said to be JSON.
    pub(super) fn content_type() -> Problem {
        let summary = "Bad request.  Accept and/or Content-Type headers likely do not match supported values.";
        Problem::new(400, "E0000021", summary)
    }

    /// E0000004: a sign-in that failed, whatever the reason.
    pub(super) fn authentication() -> Problem {
        Problem::new(401, "E0000004", "Authentication failed")
    }

    /// E0000007: no such thing.
    pub(super) fn not_found(what: &str, kind: &str) -> Problem {
        Problem::new(404, "E0000007", format!("Not found: Resource not found: {what} ({kind})"))
    }

    /// E0000007 for a path that does not exist.
    pub(super) fn no_such_path() -> Problem {
        Problem::new(404, "E0000007", "Not found: No such path")
    }

    /// E0000011: no or a wrong token.
    pub(super) fn bad_token() -> Problem {
        Problem::new(401, "E0000011", "Invalid token provided")
    }

    /// E0000014: the password was not changed, and why.
    pub(super) fn credentials(cause: impl Into<String>) -> Problem {
        Problem::new(403, "E0000014", "Update of credentials failed").because(cause)
    }

    /// E0000022: the path has no such method.
    pub(super) fn method() -> Problem {
        Problem::new(405, "E0000022", "The endpoint does not support the provided HTTP method")
    }

    /// E0000031: a filter or a search that does not parse, or that the API does not support.
    pub(super) fn criteria(cause: impl Into<String>) -> Problem {
        Problem::new(400, "E0000031", "Invalid search criteria.").because(cause)
    }

    /// E0000038: the account's state forbids it.
    pub(super) fn status() -> Problem {
        Problem::new(403, "E0000038", "This operation is not allowed in the user's current status.")
    }

    /// E0000041: the password lives elsewhere.
    pub(super) fn managed_elsewhere() -> Problem {
        Problem::new(400, "E0000041", "Credentials should not be set on this resource based on the scheme.")
    }

    /// E0000047: over the rate limit.
    pub(super) fn too_many() -> Problem {
        Problem::new(429, "E0000047", "API call exceeded rate limit due to too many requests.")
    }

    /// As an answer. `number` makes the `errorId` one of a kind.
    pub(super) fn answer(self, number: usize) -> Answer {
        let causes: Vec<_> = self.causes.iter().map(|cause| json!({ "errorSummary": cause })).collect();
        let body = json!({
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": format!("oaeStandIn{number:012}"),
            "errorCauses": causes,
        });
        Answer::json(self.status, &body)
    }
}
