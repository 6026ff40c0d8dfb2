//! The links of an HTML page, found by a real tokenizer: comments, entities and odd quoting count.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;

use crate::simple::Link;

/// The links of a page, and its base URL: `<base href>` where it has one, else `url`.
pub(crate) fn links(body: &str, url: &Url) -> (Vec<Link>, Url) {
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

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::TagToken(tag) => state.tag(&tag),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simple::link_to_file;

    #[test]
    fn rule_32_html_links_are_read_as_a_browser_reads_them() {
        let page = r#"<!DOCTYPE html><base href="/files/"><!-- <a href="no-1.tar.gz">no</a> -->
            <A HREF='a-1-py3-none-any.whl#sha256=zz' data-requires-python="&gt;=3.8" data-yanked>a</A>
            <a href=a-2-py3-none-any.whl data-core-metadata="false" data-dist-info-metadata=sha256=00>b
            <a name="x">c</a><a href="ftp://h/a-3.zip">d</a>"#;
        let url = Url::parse("https://index.test/simple/a/").expect("a URL");
        let (links, base) = links(page, &url);
        let files: Vec<_> = links.iter().filter_map(|link| link_to_file(link, &base)).collect();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].url, "https://index.test/files/a-1-py3-none-any.whl");
        assert_eq!(files[0].requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(files[0].yanked.as_deref(), Some(""));
        assert!(files[1].core_metadata);
        assert_eq!(links[0].text, "a");
    }
}
