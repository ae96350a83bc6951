//! What only the operator knows: taken from flags, asked on a terminal, or listed as missing. Nothing is taken from the
//! author: a page says which questions there are, never the answers.

use super::ask::{Ask, until, yes};
use super::flags::{self, Confinement, Flags, Reconcile, Unverified, WasiChoice};
use crate::page::diagnostic::nearest;
use crate::page::model::Record;
use crate::page::{Page, Step};
use crate::policy::Policy;
use crate::policy::file::{HostPort, Select};
use crate::policy::tls::{ClientCertificate, Pin};
use crate::policy::{find, fit};
use crate::report::escape::escape;
use crate::report::inspection::Wasi;
use crate::report::page_view::literal_hosts;

/// Every answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answers {
    /// The policy's name.
    pub(super) name: String,
    /// In the page's order.
    pub(super) records: Vec<RecordAnswer>,
    /// Patterns; empty if any account may be changed.
    pub(super) allow: Vec<String>,
    /// Patterns.
    pub(super) except: Vec<String>,
    /// `reconcile = "old-refused"`
    pub(super) reconcile: bool,
    /// `unverified = "accept"`
    pub(super) accept_unverified: bool,
    /// `confinement = "require"`
    pub(super) require_confinement: bool,
    /// Hosts that the page writes out.
    pub(super) literal_hosts: Vec<HostPort>,
    /// Routes that are switched off.
    pub(super) off: Vec<String>,
    /// `wasi = "inert"`
    pub(super) inert_wasi: bool,
}

/// Which vault record a record of the page is, and where its secrets may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordAnswer {
    /// The page's name for it.
    pub(super) name: String,
    /// By title or uid.
    pub(super) select: Select,
    /// The hosts its URL may name; empty if the page does not use its URL.
    pub(super) hosts: Vec<HostPort>,
    /// `pins` of the policy that is replaced.
    pub(super) pins: Vec<Pin>,
    /// `client-certificate` of the policy that is replaced.
    pub(super) client_certificate: Option<ClientCertificate>,
}

impl Answers {
    /// What nobody is asked about, and an operator wrote into the policy by hand, stays in the one that replaces it.
    pub(super) fn keep_from(&mut self, replaced: &Policy) {
        for record in self.records.iter_mut().filter(|record| !record.hosts.is_empty()) {
            if let Some(rule) = replaced.records.get(&record.name) {
                record.pins.clone_from(&rule.pins);
                record.client_certificate.clone_from(&rule.client_certificate);
            }
        }
    }
}

/// Collects the answers. Without someone to ask, the error lists everything that is missing at once.
pub(super) fn collect(page: &Page, wasi: Wasi, flags: &Flags, asker: Option<&mut dyn Ask>) -> anyhow::Result<Answers> {
    refuse_what_does_not_apply(page, wasi, flags)?;
    let mut collector = Collector { asker, missing: Vec::new() };
    let name = collector.name(page, flags)?;
    let mut records = Vec::new();
    for record in &page.records {
        records.extend(collector.record(record, flags)?);
    }
    let literal_hosts = collector.literal_hosts(page, flags)?;
    let reconcile = collector.reconcile(page, flags)?;
    let off = collector.off(page, flags)?;
    let allow = collector.allow(page, flags, &off, reconcile)?;
    let except = collector.except(flags)?;
    let accept_unverified = collector.unverified(page, flags)?;
    let inert_wasi = collector.wasi(wasi, flags)?;
    collector.nothing_missing()?;
    let require_confinement = flags.confinement == Some(Confinement::Require);
    Ok(Answers {
        name,
        records,
        allow,
        except,
        reconcile: reconcile.unwrap_or_default(),
        accept_unverified,
        require_confinement,
        literal_hosts,
        off,
        inert_wasi,
    })
}

/// An answer to a question that the page does not raise is a mistake, and not silence.
fn refuse_what_does_not_apply(page: &Page, wasi: Wasi, flags: &Flags) -> anyhow::Result<()> {
    let names: Vec<&str> = page.records.iter().map(|record| record.name.as_str()).collect();
    let records = flags.record.iter().map(|(name, _)| name).chain(flags.host.iter().map(|(name, _)| name));
    for name in records {
        if !names.contains(&name.as_str()) {
            let near = nearest(name, names.iter().copied()).map(|near| format!("did you mean `{near}`? "));
            anyhow::bail!(
                "the page has no record `{}`; {}it has {}",
                escape(name, 100),
                near.unwrap_or_default(),
                listed(&names)
            );
        }
    }
    for record in &page.records {
        let name = record.name.as_str();
        if flags.record.iter().filter(|(other, _)| other == name).count() > 1 {
            anyhow::bail!("`--record {name}=…` is given twice; a record of the page is one vault record");
        }
        if record.url.is_none() && flags.host.iter().any(|(other, _)| other == name) {
            anyhow::bail!("the page sends nothing to the URL of `{name}`; leave `--host {name}=…` out");
        }
    }
    let removable: Vec<&str> = removable(page);
    if let Some(off) = flags.off.iter().find(|off| !removable.contains(&off.as_str())) {
        let near = nearest(off, removable.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        anyhow::bail!(
            "`{}` is no route that can be switched off; {}{}",
            escape(off, 100),
            near.unwrap_or_default(),
            if removable.is_empty() {
                "the page has none".to_owned()
            } else {
                format!("there is {}", listed(&removable))
            }
        );
    }
    let literal = literal_hosts(page);
    if let Some(host) = flags.literal_host.iter().find(|host| !literal.contains(&host.to_string())) {
        anyhow::bail!("the page does not write out `{host}`; leave `--literal-host {host}` out");
    }
    if flags.reconcile == Some(Reconcile::OldRefused) && !page.has_step(Step::Reconcile) {
        anyhow::bail!("the page has no route for `reconcile`; leave `--reconcile` out");
    }
    if flags.unverified == Some(Unverified::Accept) && page.can_verify() {
        anyhow::bail!("the page can verify a password, so nothing unverified is accepted; leave `--unverified` out");
    }
    if flags.wasi == Some(WasiChoice::Inert) && wasi == Wasi::None {
        anyhow::bail!("the module does not import WASI; leave `--wasi` out");
    }
    Ok(())
}

struct Collector<'a> {
    asker: Option<&'a mut dyn Ask>,
    /// (flag with a placeholder, what it is for)
    missing: Vec<(String, String)>,
}

impl Collector<'_> {
    /// What was given; else what is answered; else it is missing.
    fn need<T>(
        &mut self,
        given: Option<T>,
        question: &str,
        flag: &str,
        about: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<Option<T>> {
        match (given, &mut self.asker) {
            (Some(given), _) => Ok(Some(given)),
            (None, Some(asker)) => until(*asker, question, read).map(Some),
            (None, None) => {
                self.missing.push((flag.to_owned(), about.to_owned()));
                Ok(None)
            }
        }
    }

    fn name(&mut self, page: &Page, flags: &Flags) -> anyhow::Result<String> {
        let given = flags.name.as_deref().map(name).transpose().map_err(anyhow::Error::msg)?;
        let question = format!("Name of the policy, such as {}-prod: ", page.name);
        let flag = format!("--name {}-prod", page.name);
        let name = self.need(given, &question, &flag, "the policy's name, as in `rotabox run NAME`", name)?;
        Ok(name.unwrap_or_default())
    }

    fn record(&mut self, record: &Record, flags: &Flags) -> anyhow::Result<Option<RecordAnswer>> {
        let name = record.name.as_str();
        let given = flags.record.iter().find(|(other, _)| other == name).map(|(_, select)| select.clone());
        let question = format!("Title of the vault record for `{name}` (or uid:UID): ");
        let flag = format!("--record '{name}=title:TITLE'");
        let select = self.need(given, &question, &flag, "the vault record's exact title (or uid:UID)", select)?;
        let mut hosts: Vec<HostPort> =
            flags.host.iter().filter(|(other, _)| other == name).map(|(_, host)| host.clone()).collect();
        if record.url.is_some() {
            let given = (!hosts.is_empty()).then_some(hosts);
            let question = format!("Host that the URL of `{name}` names, such as acme.example or acme.example:8443: ");
            let flag = format!("--host {name}=HOST");
            hosts =
                self.need(given, &question, &flag, "the only host(s) its URL may name", hosts_of)?.unwrap_or_default();
        }
        Ok(select.map(|select| RecordAnswer {
            name: name.to_owned(),
            select,
            hosts,
            pins: Vec::new(),
            client_certificate: None,
        }))
    }

    fn literal_hosts(&mut self, page: &Page, flags: &Flags) -> anyhow::Result<Vec<HostPort>> {
        let mut agreed = Vec::new();
        for text in literal_hosts(page) {
            let Ok(host) = HostPort::parse(&text) else { continue };
            let given = flags.literal_host.contains(&host).then_some(true);
            let question = format!("The page itself sends requests to {host}. Is that right? [y/N] ");
            let flag = format!("--literal-host {host}");
            match self.need(given, &question, &flag, "the page writes this host out; agree to it", yes)? {
                Some(false) => anyhow::bail!("not approved: the page sends requests to {host}; nothing was written"),
                Some(true) => agreed.push(host),
                None => {}
            }
        }
        Ok(agreed)
    }

    /// Required where an admin secret sets the password: with the routes that are left, and as far as reconcile goes.
    fn allow(
        &mut self,
        page: &Page,
        flags: &Flags,
        off: &[String],
        reconcile: Option<bool>,
    ) -> anyhow::Result<Vec<String>> {
        let given = (!flags.allow.is_empty()).then(|| flags.allow.clone());
        let Some((route, secret)) =
            fit::set_by_admin(page, |name| off.iter().any(|off| off == name), reconcile.unwrap_or(true))
        else {
            let question = "Whose passwords may be changed? Logins with *, blanks between; empty for any account: ";
            return match (given, &mut self.asker) {
                (Some(given), _) => Ok(given),
                (None, Some(asker)) => until(*asker, question, patterns),
                (None, None) => Ok(Vec::new()),
            };
        };
        let question = format!(
            "`{}` sets passwords by the power of `{secret}`. Whose may it set? Logins with * for any run of characters, \
             blanks between: ",
            route.name
        );
        let about = format!("whose passwords `{secret}` may set");
        let allow = self.need(given, &question, "--allow PATTERN", &about, |line| match patterns(line)? {
            none if none.is_empty() => Err(format!("`{secret}` could set any password; say whose")),
            some => Ok(some),
        })?;
        Ok(allow.unwrap_or_default())
    }

    fn except(&mut self, flags: &Flags) -> anyhow::Result<Vec<String>> {
        match &mut self.asker {
            Some(asker) if flags.except.is_empty() => {
                until(*asker, "And whose not, even so (the admin's own)? Empty for none: ", patterns)
            }
            _ => Ok(flags.except.clone()),
        }
    }

    /// None if it is missing.
    fn reconcile(&mut self, page: &Page, flags: &Flags) -> anyhow::Result<Option<bool>> {
        if !page.has_step(Step::Reconcile) {
            return Ok(Some(false));
        }
        let given = flags.reconcile.map(|choice| choice == Reconcile::OldRefused);
        let question = "Reset the password with admin rights when the old one is refused? [y/N] ";
        let flag = "--reconcile never|old-refused";
        let about = "whether admin rights may reset a password whose old one is refused";
        self.need(given, question, flag, about, yes)
    }

    fn unverified(&mut self, page: &Page, flags: &Flags) -> anyhow::Result<bool> {
        if page.can_verify() {
            return Ok(false);
        }
        let given = flags.unverified.map(|choice| choice == Unverified::Accept);
        let question = "The page cannot verify a password. Take the provider's word that the new one works? [y/N] ";
        let flag = "--unverified refuse|accept";
        let about = "whether the provider's word is enough; the page cannot verify";
        Ok(self.need(given, question, flag, about, yes)?.unwrap_or_default())
    }

    fn off(&mut self, page: &Page, flags: &Flags) -> anyhow::Result<Vec<String>> {
        let mut off = flags.off.clone();
        if let (Some(asker), true) = (&mut self.asker, off.is_empty()) {
            for route in removable(page) {
                if until(*asker, &format!("Switch the removable route `{route}` off? [y/N] "), yes)? {
                    off.push(route.to_owned());
                }
            }
        }
        Ok(off)
    }

    fn wasi(&mut self, wasi: Wasi, flags: &Flags) -> anyhow::Result<bool> {
        if wasi == Wasi::None {
            return Ok(false);
        }
        let given = flags.wasi.map(|choice| choice == WasiChoice::Inert);
        let question = "The module imports WASI. Give it an inert one (no files, sockets, environment)? [y/N] ";
        let about = "the module imports WASI; an inert one has no files, sockets, environment or arguments";
        match self.need(given, question, "--wasi inert", about, yes)? {
            Some(false) => anyhow::bail!("not approved: the module does not run without WASI; nothing was written"),
            answer => Ok(answer.unwrap_or_default()),
        }
    }

    fn nothing_missing(&self) -> anyhow::Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let width = self.missing.iter().map(|(flag, _)| flag.chars().count()).max().unwrap_or_default();
        let lines: Vec<String> =
            self.missing.iter().map(|(flag, about)| format!("  {flag:<width$}  {about}")).collect();
        let (count, noun) = (self.missing.len(), if self.missing.len() == 1 { "answer" } else { "answers" });
        anyhow::bail!(
            "{count} {noun} missing, and there is no terminal to ask on; nothing was written. Add:\n{}",
            lines.join("\n")
        )
    }
}

fn name(text: &str) -> Result<String, String> {
    match find::is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "`{}` cannot be a policy's name; names have lower-case letters, digits, `.`, `_` and `-`",
            escape(text, 100)
        )),
    }
}

/// `TITLE`, `title:TITLE` or `uid:UID`.
fn select(line: &str) -> Result<Select, String> {
    let select = match (line.strip_prefix("uid:"), line.strip_prefix("title:")) {
        (Some(uid), _) => Select::Uid(uid.trim().to_owned()),
        (None, Some(title)) => Select::Title(title.to_owned()),
        (None, None) => Select::Title(line.to_owned()),
    };
    match &select {
        Select::Uid(text) | Select::Title(text) if text.is_empty() => {
            Err("write the record's title exactly as in the vault, or `uid:` and its uid".to_owned())
        }
        _ => Ok(select),
    }
}

/// Hosts with blanks or commas between; at least one.
fn hosts_of(line: &str) -> Result<Vec<HostPort>, String> {
    let hosts = line.split([' ', ',']).filter(|host| !host.is_empty()).map(flags::literal_host);
    match hosts.collect::<Result<Vec<_>, _>>()? {
        hosts if hosts.is_empty() => Err("name at least one host".to_owned()),
        hosts => Ok(hosts),
    }
}

fn patterns(line: &str) -> Result<Vec<String>, String> {
    line.split_whitespace().map(flags::pattern).collect()
}

fn removable(page: &Page) -> Vec<&str> {
    page.routes.iter().filter(|route| route.removable).map(|route| route.name.as_str()).collect()
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
