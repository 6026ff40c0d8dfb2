//! The day of `docs/day.md`: its commands are run in turn, and print what stands below them. With `PYFAST_WRITE_DAY` set
//! the page is written anew with what they print.

mod page;
mod shop;

use page::Page;
use shop::Shop;

use crate::support::environment;

#[test]
fn every_command_prints_what_the_page_says() {
    let shop = Shop::open();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/day.md");
    let text = fs_err::read_to_string(path).unwrap();
    let page = Page::read(&text);
    let mut printed = page.clone();
    for block in printed.blocks_mut() {
        let Some(outputs) = shop.run(&block.shell, &block.commands()) else { continue };
        block.print(outputs);
    }
    if environment("PYFAST_WRITE_DAY").is_some() {
        fs_err::write(path, printed.to_string()).unwrap();
    }
    for (stated, printed) in page.blocks().zip(printed.blocks()) {
        for (stated, printed) in stated.steps.iter().zip(&printed.steps) {
            assert_eq!(stated.output, printed.output, "$ {}", stated.command);
        }
    }
}
