//! Name resolution in Rust, because a statically linked glibc resolver is not portable.
//! Asks again soon: a lost datagram must cost a fraction of a second, not the usual five.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How long each attempt may take; the last is generous for slow networks.
const PATIENCE: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// That a host has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve the host {host}")]
struct Unresolved {
    host: String,
}

/// Whether an error is that a name does not exist: it will not the next time.
pub(crate) fn is_about_a_name(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<Unresolved>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A resolver configured by the system's `resolv.conf` and `hosts`.
#[derive(Clone, Default)]
pub(crate) struct Dns {
    /// Made on first use, inside the runtime.
    resolver: Arc<OnceLock<TokioResolver>>,
}

impl Dns {
    fn resolver(&self) -> Result<&TokioResolver, Failure> {
        if let Some(resolver) = self.resolver.get() {
            return Ok(resolver);
        }
        let mut builder = TokioResolver::builder_tokio()?;
        let options = builder.options_mut();
        // One query instead of two; IPv6 is asked for where there is no IPv4 address.
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        options.attempts = 0;
        options.timeout = PATIENCE[PATIENCE.len() - 1];
        let resolver = builder.build()?;
        Ok(self.resolver.get_or_init(|| resolver))
    }

    async fn lookup(&self, host: &str) -> Result<Vec<SocketAddr>, Failure> {
        let resolver = self.resolver()?;
        let told = |reason: &dyn std::fmt::Display| -> Failure {
            format!("cannot resolve the host {host}: {reason}").into()
        };
        let mut failure = told(&"no name server answered");
        for patience in PATIENCE {
            match tokio::time::timeout(patience, resolver.lookup_ip(host)).await {
                Ok(Ok(found)) => {
                    return Ok(found.iter().map(|ip| SocketAddr::new(ip, 0)).collect());
                }
                // That a name does not exist is an answer; asking again will not change it.
                Ok(Err(error)) if error.is_nx_domain() => {
                    return Err(Unresolved { host: host.to_owned() }.into());
                }
                Ok(Err(error)) if error.is_no_records_found() => {
                    failure = Unresolved { host: host.to_owned() }.into();
                }
                Ok(Err(error)) => failure = told(&error),
                Err(_elapsed) => {}
            }
        }
        Err(failure)
    }
}

impl Resolve for Dns {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = self.clone();
        Box::pin(async move {
            let addresses = dns.lookup(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
