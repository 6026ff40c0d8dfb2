//! The links of an HTML page, found by a real tokenizer: comments, scripts, entities and odd quoting count.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;

/// One link of an HTML page.
pub struct Link {
    /// The `href` attribute.
    pub href: String,
    /// The text between the tags.
    pub text: String,
    /// `data-*` attributes, without the `data-`.
    pub data: Vec<(String, String)>,
}

/// The links of a page, and its base URL: `<base href>` where it has one, else `url`.
pub fn links(body: &str, url: &Url) -> (Vec<Link>, Url) {
    let sink = Sink::default();
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(body));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let state = tokenizer.sink.state.into_inner();
    // A base that leaves TLS, or the network for this machine's files, is none.
    let kept = |base: &Url| {
        base.scheme() == url.scheme() || (url.scheme(), base.scheme()) == ("http", "https")
    };
    let base = state.base.and_then(|base| url.join(&base).ok()).filter(kept);
    let base = base.unwrap_or_else(|| url.clone());
    (state.links, base)
}

#[derive(Default)]
struct Sink {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    links: Vec<Link>,
    base: Option<String>,
    inside: bool,
}

impl State {
    fn tag(&mut self, tag: &Tag) {
        let attribute = |name: &str| {
            tag.attrs.iter().find(|a| &*a.name.local == name).map(|a| a.value.to_string())
        };
        match (&*tag.name, tag.kind) {
            ("base", TagKind::StartTag) if self.base.is_none() => self.base = attribute("href"),
            ("a", TagKind::StartTag) => {
                self.inside = false;
                let Some(href) = attribute("href") else { return };
                let data = tag.attrs.iter().filter_map(|attribute| {
                    let name = attribute.name.local.strip_prefix("data-")?;
                    Some((name.to_owned(), attribute.value.to_string()))
                });
                self.links.push(Link { href, text: String::new(), data: data.collect() });
                self.inside = true;
            }
            ("a", TagKind::EndTag) => self.inside = false,
            _ => {}
        }
    }
}

/// How what follows a tag is to be read: not all of it is more tags.
fn content(tag: &Tag) -> TokenSinkResult<()> {
    match (&*tag.name, tag.kind) {
        (_, TagKind::EndTag) => TokenSinkResult::Continue,
        ("script", _) => TokenSinkResult::RawData(RawKind::ScriptData),
        ("style" | "xmp" | "iframe" | "noembed" | "noframes", _) => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        ("title" | "textarea", _) => TokenSinkResult::RawData(RawKind::Rcdata),
        ("plaintext", _) => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                state.tag(&tag);
                return content(&tag);
            }
            Token::CharacterTokens(text) if state.inside => {
                if let Some(link) = state.links.last_mut() {
                    link.text.push_str(&text);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}
