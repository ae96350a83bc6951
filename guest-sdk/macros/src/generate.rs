//! A parsed page becomes code: a trait with a function a route, implemented for `Http`.

use crate::names::{camel, snake, upper};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use rotabox_page::Page;
use rotabox_page::model::{ArgClass, ArgRule, Route};
use std::collections::BTreeSet;

/// Functions that `Http` has itself. A route of that name would be hidden by them.
const TAKEN: [&str; 3] = ["offered", "offers", "call"];

/// The code for `page`, which was read from `path`, relative to the crate.
pub(crate) fn code(page: &Page, path: &str) -> Result<TokenStream, String> {
    if let Some(route) = page.routes.iter().find(|route| TAKEN.contains(&route.name.as_str())) {
        let message = format!("`{}` is a function of `Http` already", route.name);
        return Err(page.file.problem(route.span, message, Some("give the route another name".to_owned())).to_string());
    }
    let title = format!("The routes of `{}` (`{path}`), one function each.", page.name);
    let routes: Vec<Code> = page.routes.iter().map(|route| route_code(page, route)).collect();
    let signatures = routes.iter().map(|route| &route.signature);
    let bodies = routes.iter().map(|route| &route.body);
    let names = routes.iter().map(|route| &route.name);
    let args = routes.iter().map(|route| &route.args);
    let shown = routes.iter().map(|route| &route.shown);
    let slash_path = format!("/{path}");
    Ok(quote! {
        #[doc = #title]
        #[allow(dead_code, reason = "a rotator need not use every route")]
        pub(crate) trait Routes { #(#signatures)* }
        impl Routes for ::rotabox_guest::Http { #(#bodies)* }

        /// Names of the routes, for `Http::offers`.
        #[allow(dead_code, reason = "a rotator need not ask for every route")]
        pub(crate) mod routes { #(#names)* }

        /// Arguments of the routes that declare some.
        #[allow(dead_code, unused_imports, reason = "a rotator need not use every route")]
        pub(crate) mod args { #(#args)* }

        /// Names of the values that routes show, for `Answer::shown`.
        #[allow(dead_code, reason = "a rotator need not look at every value")]
        pub(crate) mod shown { #(#shown)* }

        /// The page's text, for tests with the double. Reading it here also has cargo build anew when it changes.
        #[allow(dead_code, reason = "used by tests")]
        pub(crate) const PAGE: &str = ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #slash_path));
    })
}

/// What one route gives.
struct Code {
    name: TokenStream,
    signature: TokenStream,
    body: TokenStream,
    args: TokenStream,
    shown: TokenStream,
}

fn route_code(page: &Page, route: &Route) -> Code {
    let name = route.name.as_str();
    let function = snake(name);
    let docs = docs(page, route);
    let answer = quote!(::core::result::Result<::rotabox_guest::Answer, ::rotabox_guest::Problem>);
    let (parameter, values, args) = if route.args.is_empty() {
        (quote!(), quote!(), quote!())
    } else {
        let args = args_code(route);
        let r#type = camel(name);
        let generics = args.borrows.then(|| quote!(<'_>));
        let values = args.values;
        (quote!(, args: args::#r#type #generics), quote!(#(#values),*), args.types)
    };
    let shows = route.shows.iter().map(|(shown, _)| {
        let (constant, doc) = (upper(shown), format!("`{shown}`"));
        quote!(#[doc = #doc] pub(crate) const #constant: &str = #shown;)
    });
    let shown = if route.shows.is_empty() {
        quote!()
    } else {
        let doc = format!("What `{name}` shows.");
        quote!(#[doc = #doc] pub(crate) mod #function { #(#shows)* })
    };
    let (constant, doc) = (upper(name), format!("`{name}`"));
    Code {
        name: quote!(#[doc = #doc] pub(crate) const #constant: &str = #name;),
        signature: quote!(#(#[doc = #docs])* fn #function(&mut self #parameter) -> #answer;),
        body: quote!(fn #function(&mut self #parameter) -> #answer { self.call(#name, &[#values]) }),
        args,
        shown,
    }
}

/// The author's words, the request as the page writes it, and what the page says of it.
fn docs(page: &Page, route: &Route) -> Vec<String> {
    let request = page.file.text.get(route.request_span.start..route.request_span.end).unwrap_or_default();
    let request = request.trim_matches(['"', '\'']);
    let steps: Vec<&str> = route.steps.iter().map(|step| step.as_str()).collect();
    let mut facts = format!("For {}.", steps.join(", "));
    if route.changes {
        facts.push_str(" Changes something: sent at most once in a run.");
    }
    if route.may_fail {
        facts.push_str(" May fail.");
    }
    if route.removable {
        facts.push_str(" The operator may switch it off.");
    }
    if !route.shows.is_empty() {
        let names: Vec<String> = route.shows.iter().map(|(name, _)| format!("`{name}`")).collect();
        facts.push_str(&format!(" Shows {}.", names.join(", ")));
    }
    let about = route.about.iter().flat_map(|about| [format!(" {about}"), String::new()]);
    about.chain([format!(" `{request}`"), String::new(), format!(" {facts}")]).collect()
}

/// The struct of a route's arguments, enums for choices, and the pairs that are sent.
struct Args {
    types: TokenStream,
    values: Vec<TokenStream>,
    borrows: bool,
}

fn args_code(route: &Route) -> Args {
    let name = camel(route.name.as_str());
    let mut fields = Vec::new();
    let mut enums = Vec::new();
    let mut values = Vec::new();
    let mut borrows = false;
    for arg in &route.args {
        let (field, key) = (snake(arg.name.as_str()), arg.name.as_str());
        let doc = describe(arg);
        let (r#type, value) = match &arg.class {
            ArgClass::Number => (quote!(u64), quote!(&::std::string::ToString::to_string(&args.#field))),
            ArgClass::OneOf(words) if variants(words).is_some() => {
                let r#enum = Ident::new(&format!("{name}{}", camel(key)), proc_macro2::Span::call_site());
                enums.push(enum_code(&r#enum, words, &variants(words).unwrap_or_default(), &doc));
                (quote!(#r#enum), quote!(args.#field.as_str()))
            }
            _ => {
                borrows = true;
                (quote!(&'a str), quote!(args.#field))
            }
        };
        fields.push(quote!(#[doc = #doc] pub(crate) #field: #r#type));
        values.push(quote!((#key, #value)));
    }
    let generics = borrows.then(|| quote!(<'a>));
    let doc = format!("Arguments of `{}`.", route.name);
    let types = quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct #name #generics { #(#fields),* }
        #(#enums)*
    };
    Args { types, values, borrows }
}

/// One variant a word, if they stay distinct.
fn variants(words: &[String]) -> Option<Vec<Ident>> {
    let names: Vec<Ident> = words.iter().map(|word| camel(word)).collect();
    let plain = words.iter().all(|word| word.is_ascii() && word.contains(|c: char| c.is_ascii_alphanumeric()));
    (plain && names.iter().collect::<BTreeSet<_>>().len() == names.len()).then_some(names)
}

fn enum_code(name: &Ident, words: &[String], variants: &[Ident], doc: &str) -> TokenStream {
    let docs = words.iter().map(|word| format!("`{word}`"));
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum #name { #(#[doc = #docs] #variants),* }
        impl #name {
            /// The word that is sent.
            pub(crate) fn as_str(self) -> &'static str {
                match self { #(Self::#variants => #words),* }
            }
        }
    }
}

fn describe(arg: &ArgRule) -> String {
    let class = match &arg.class {
        ArgClass::Token => "ASCII letters, digits, `-`, `_`, `.`".to_owned(),
        ArgClass::Number => "a number".to_owned(),
        ArgClass::Uuid => "a UUID".to_owned(),
        ArgClass::Text => "printable text".to_owned(),
        ArgClass::OneOf(words) => format!("one of {}", words.join(", ")),
    };
    format!("`{{arg.{}}}`: {class}, at most {} characters.", arg.name, arg.max)
}

#[cfg(test)]
mod tests;
