//! Scratch: resolve a file.
use pyfast_resolver::*;
use std::sync::Arc;
use std::time::Instant;
fn main() {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap();
    let index = args.next().unwrap();
    let cache = args.next().unwrap();
    let offline = args.next().is_some();
    let t = Instant::now();
    let set = read_requirements(&[file.into()], &[], &ReadContext::default()).unwrap();
    let target = named_target(Some("3.11.7"), Some("x86_64-manylinux_2_36"), None).unwrap();
    let selector =
        Arc::new(Selector::new(target.clone(), policy(&set, Policy::default()).unwrap()));
    let rt =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let client = Arc::new(Client::new(
        ClientOptions {
            ca_bundle: Some("/etc/ssl/certs/ca-certificates.crt".into()),
            offline,
            user_agent: "pyfast".into(),
        },
        Credentials::default(),
    ));
    let index: url::Url = index.parse().unwrap();
    let sources = Sources { indexes: vec![index.clone()], ..Sources::default() };
    let registry =
        Registry::new(sources, client, Cache::new(Some(cache.into())), selector, rt.handle());
    eprintln!("setup {:?}", t.elapsed());
    match resolve(&set, &registry, false) {
        Ok(r) => {
            eprintln!("resolved {} in {:?}", r.packages.len(), t.elapsed());
            let lock = Lock::new(&r, &[index], &target);
            let text = lock.to_toml(std::path::Path::new("/"));
            eprintln!("written {:?}", t.elapsed());
            let t = Instant::now();
            let _ = Lock::from_toml(&text, std::path::Path::new("/pylock.toml"), &target).unwrap();
            eprintln!("read in {:?}", t.elapsed());
            print!("{}", to_requirements(&lock, LineOptions::default()));
        }
        Err(e) => {
            eprintln!("{e}");
        }
    }
    std::process::exit(0);
}
