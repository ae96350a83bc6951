//! What names give away: of fields, of path segments, of hosts.

mod lists;

use lists::{
    ABOUT, BORROWED, COLLECTIONS, CONTAINERS, CREDENTIAL, DISPLAYED, GENERIC, KEEPS_SECRETS, MYSELF, NO_ACCOUNT, POWER,
    POWER_MEMBERS, RESET, TELLING_PARTS,
};

/// The words of a name, lower case: `stateToken` is `state`, `token`; `APIKey` is `api`, `key`.
pub(super) fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (index, &character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| characters.get(before)).copied();
        let after = characters.get(index + 1).copied();
        let begins = character.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit())
                || (before.is_some_and(char::is_uppercase) && after.is_some_and(char::is_lowercase)));
        if !character.is_alphanumeric() || begins {
            parts.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
    }
    parts.extend((!word.is_empty()).then_some(word));
    parts
}

/// One of the words, or the name without anything between them, is on the list.
fn has(name: &str, list: &[&str]) -> bool {
    let parts = parts(name);
    let whole = parts.concat();
    let pairs = parts.windows(2).map(<[String]>::concat);
    parts.iter().cloned().chain([whole]).chain(pairs).any(|word| list.contains(&word.as_str()))
}

/// The part of a pointer, header or path of elements that says what stands there: the last that is no number and not generic.
pub(super) fn telling(place: &str) -> &str {
    let generic =
        |part: &&str| part.parse::<usize>().is_err() && !GENERIC.contains(&part.to_ascii_lowercase().as_str());
    let last = place.rsplit('/').next().unwrap_or(place);
    place.rsplit('/').filter(|part| !part.is_empty()).find(generic).unwrap_or(last)
}

/// Could a credential stand in a field of this name?
pub(super) fn is_credential(place: &str) -> bool {
    let telling = telling(place);
    let about = parts(telling).last().is_some_and(|last| ABOUT.contains(&last.as_str()));
    !about && (has(telling, CREDENTIAL) || within(telling) || is_reset(place))
}

/// Is a secret's word a part of the name?
fn within(name: &str) -> bool {
    let whole = parts(name).concat();
    TELLING_PARTS.iter().any(|part| whole.contains(part))
}

/// Could it be a temporary password, or a link that sets one?
pub(super) fn is_reset(place: &str) -> bool {
    let telling = telling(place);
    let link = has(
        telling,
        &["url", "uri", "link", "links", "href", "code", "key", "password", "token", "ticket", "question", "answer"],
    );
    (has(telling, RESET) && link) || place.split('/').any(|part| has(part, &["recovery"]) && part != "status")
}

/// Is a field of this name where secrets are put?
pub(super) fn keeps_secrets(place: &str) -> bool {
    place.split('/').any(|part| has(part, KEEPS_SECRETS) || within(part))
}

/// Is it a field that everyone reads?
pub(super) fn is_displayed(place: &str) -> bool {
    let last = parts(telling(place)).pop().unwrap_or_default();
    !keeps_secrets(telling(place)) && (DISPLAYED.contains(&last.as_str()) || has(telling(place), DISPLAYED))
}

/// Is it the name of an object or a list, of which only a part is ever needed?
pub(super) fn is_container(pointer: &str) -> bool {
    let last = pointer.rsplit('/').next().unwrap_or(pointer).to_ascii_lowercase();
    CONTAINERS.contains(&last.as_str())
}

/// Does an account's name follow this path segment?
pub(super) fn is_collection(segment: &str) -> bool {
    COLLECTIONS.contains(&segment.to_ascii_lowercase().as_str())
}

/// Is this path segment, behind a collection, the name of an account?
pub(super) fn names_account(segment: &str) -> bool {
    !segment.is_empty() && !NO_ACCOUNT.contains(&segment.to_ascii_lowercase().as_str())
}

/// Does this path segment mean whoever holds the credential that is sent along?
pub(super) fn is_myself(segment: &str) -> bool {
    MYSELF.contains(&segment.to_ascii_lowercase().as_str())
}

/// Does this path segment lead to rights, keys, second factors?
pub(super) fn is_power(segment: &str) -> bool {
    has(segment, POWER)
}

/// Is a field of this name an address that the provider calls, or sends somebody to?
pub(super) fn is_address(place: &str) -> bool {
    has(
        telling(place),
        &[
            "url",
            "uri",
            "callback",
            "redirect",
            "link",
            "webhook",
            "hook",
            "target",
            "return",
            "next",
            "destination",
            "endpoint",
        ],
    )
}

/// Does this member of a body give or take power?
pub(super) fn is_power_member(place: &str) -> bool {
    has(telling(place), POWER_MEMBERS)
}

/// Does an answer to this path segment, or to a query pair, carry a credential by its name?
pub(super) fn returns_credential(segment: &str) -> bool {
    let parts = parts(segment);
    let word = |wanted: &[&str]| parts.iter().any(|part| wanted.contains(&part.as_str()));
    let whole = parts.concat();
    (word(&["temp", "temporary", "reset", "forgot", "recover", "recovery", "expire"])
        && word(&["password", "passwords", "pwd"]))
        || word(&["recovery", "forgot", "impersonate"])
        || ["resetpassword", "forgotpassword", "temppassword", "generatepassword"]
            .iter()
            .any(|name| whole.contains(name))
}

/// Can anyone have a name below this host's parent, or see what is sent there?
pub(super) fn is_borrowed(host: &str) -> bool {
    BORROWED.iter().any(|zone| host == *zone || host.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_cut_into_its_words() {
        for (name, wanted) in [
            ("stateToken", "state token"),
            ("state_token", "state token"),
            ("APIKey", "api key"),
            ("x-rotabox2FA", "x rotabox2 fa"),
            ("Über-Name", "über name"),
            ("", ""),
        ] {
            assert_eq!(parts(name).join(" "), wanted, "{name}");
        }
    }

    #[test]
    fn fields_are_told_apart() {
        for (place, credential, kept, displayed) in [
            ("/errorCode", false, true, false),
            ("/access_token", true, true, false),
            ("/credentials/provider/type", false, true, false),
            ("/credentials/password/value", true, true, false),
            ("/profile/recovery_question", true, false, false),
            ("/resetPasswordUrl", true, true, false),
            ("/tempPassword", true, true, false),
            ("/activation_link", true, false, false),
            ("/profile/nickName", false, false, true),
            ("/description", false, false, true),
            ("/status", false, false, true),
            ("/0/value", false, false, false),
            ("header:set-cookie", true, true, false),
            ("header:request-id", false, false, false),
            ("/lgpassword", true, true, false),
            ("/passwordChanged", false, true, false),
            ("/token_type", false, true, false),
        ] {
            assert_eq!(is_credential(place), credential, "{place} may hold a credential");
            assert_eq!(keeps_secrets(place), kept, "{place} is where secrets are put");
            assert_eq!(is_displayed(place), displayed, "{place} is displayed");
        }
    }

    #[test]
    fn paths_and_hosts_are_told_apart() {
        for segment in ["expire_password_with_temp_password", "reset_password", "forgotPassword", "recovery"] {
            assert!(returns_credential(segment), "{segment}");
        }
        for segment in ["password", "change_password", "reset", "users", "token", "sessions"] {
            assert!(!returns_credential(segment), "{segment}");
        }
        for segment in ["roles", "api-tokens", "apikeys", "factors", "deactivate", "personal_access_tokens"] {
            assert!(is_power(segment), "{segment}");
        }
        for segment in ["users", "sessions", "credentials", "password", "v1", "token", "userpass"] {
            assert!(!is_power(segment), "{segment}");
        }
        for (host, borrowed) in
            [("x.ngrok.io", true), ("ngrok.io", true), ("notngrok.io", false), ("graph.microsoft.com", false)]
        {
            assert_eq!(is_borrowed(host), borrowed, "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_name_can_be_looked_at(name in any::<String>()) {
            prop_assert!(parts(&name).iter().all(|part| !part.is_empty()));
            let _ = (is_credential(&name), keeps_secrets(&name), is_displayed(&name), is_container(&name));
            let _ = (is_power(&name), returns_credential(&name), is_borrowed(&name), is_power_member(&name));
        }
    }
}
