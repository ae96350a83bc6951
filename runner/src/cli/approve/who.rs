//! Who approves, by the system's own word.

use crate::report::escape::escape;

/// "root (uid 0, signed in as alice)". Names are those of the user database's file, if it has them.
pub(super) fn who() -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let signed_in = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok());
    in_words(&users, rustix::process::geteuid().as_raw(), signed_in)
}

fn in_words(users: &str, user: u32, signed_in: Option<u32>) -> String {
    /// What the kernel says when nobody signed in.
    const NOBODY: u32 = u32::MAX;
    let name = name(users, user).unwrap_or_else(|| "somebody".to_owned());
    match signed_in.filter(|other| *other != user && *other != NOBODY) {
        None => format!("{name} (uid {user})"),
        Some(other) => {
            let other = self::name(users, other).unwrap_or_else(|| format!("uid {other}"));
            format!("{name} (uid {user}, signed in as {other})")
        }
    }
}

/// The name of a user, escaped.
fn name(users: &str, user: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == user).then(|| escape(name, 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbroken\n";

    #[test]
    fn the_user_is_named_and_so_is_who_signed_in() {
        for (user, signed_in, words) in [
            (0, None, "root (uid 0)"),
            (0, Some(1000), "root (uid 0, signed in as alice)"),
            (0, Some(u32::MAX), "root (uid 0)"),
            (1000, Some(1000), "alice (uid 1000)"),
            (7, Some(8), "somebody (uid 7, signed in as uid 8)"),
        ] {
            assert_eq!(in_words(USERS, user, signed_in), words);
        }
    }
}
