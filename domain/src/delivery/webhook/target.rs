//! Where a webhook may go: public addresses, over https, on few ports. Never into private space by any spelling.
//!
//! A name is looked up later, by whoever connects, and only the addresses that [`is_public`] may be used: a check of
//! a name alone holds for as long as its owner likes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::kernel::Problem;

/// What the installation's settings allow beyond the usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub ports: Vec<u16>,
    /// Exact `address:port` in private space.
    pub private: Vec<String>,
}

impl Default for Allowed {
    fn default() -> Self {
        Self { ports: vec![443, 8443], private: Vec::new() }
    }
}

/// A checked address, and by what right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub url: Url,
    /// Named by the settings: it may be private, and is not looked at further.
    pub listed: bool,
}

const MOST: usize = 2_000;

/// Names that lead inside from anywhere.
const INSIDE: [&str; 14] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "onion",
    "test",
    "invalid",
    "example",
];

/// Checks an address as somebody wrote it.
pub fn check(field: &str, text: &str, allowed: &Allowed) -> Result<Target, Problem> {
    decide(text, allowed).map_err(|why| Problem::new(field, why))
}

fn decide(text: &str, allowed: &Allowed) -> Result<Target, String> {
    if text.len() > MOST {
        return Err(format!("is longer than {MOST} characters."));
    }
    // A parser that repairs would check something else than what stands there.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("has spaces, backslashes or control characters. Remove them.".into());
    }
    let url = Url::parse(text)
        .map_err(|_| "is no web address. Write it as https://hooks.example.com/path.".to_owned())?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("must start with https://.".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a name or password. Leave it out; a header of the endpoint may carry it.".into());
    }
    if url.fragment().is_some() {
        return Err("has a part after #, which no server ever sees. Leave it out.".into());
    }
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err("has no host.".into());
    };
    let exact = match host {
        Host::Ipv6(ip) => format!("[{ip}]:{port}"),
        ref other => format!("{}:{port}", other.to_string().trim_end_matches('.')),
    };
    if allowed.private.iter().any(|entry| same(entry, &exact)) {
        return Ok(Target { url, listed: true });
    }
    if url.scheme() != "https" {
        return Err("must start with https://, so that nobody on the way can read or change what is sent.".into());
    }
    if !allowed.ports.contains(&port) {
        let ports: Vec<String> = allowed.ports.iter().map(u16::to_string).collect();
        return Err(format!("uses the port {port}; webhooks go to {} only.", ports.join(" or ")));
    }
    let inside = || {
        "leads to a private address. Webhooks go to public ones; the operator may allow one exactly \
         (webhooks.allow_private)."
            .to_owned()
    };
    match host {
        Host::Ipv4(ip) if !is_public(IpAddr::V4(ip)) => Err(inside()),
        Host::Ipv6(ip) if !is_public(IpAddr::V6(ip)) => Err(inside()),
        Host::Domain(name) if !is_outside(name) => Err(inside()),
        _ => Ok(Target { url, listed: false }),
    }
}

/// Whether two spellings of `address:port` are the same one.
fn same(entry: &str, exact: &str) -> bool {
    match (entry.parse::<std::net::SocketAddr>(), exact.parse::<std::net::SocketAddr>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => entry.eq_ignore_ascii_case(exact),
    }
}

/// Whether an entry of the settings names one address and one port.
pub fn is_exact(entry: &str) -> bool {
    if entry.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    let Some((name, port)) = entry.rsplit_once(':') else { return false };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    port.parse::<u16>().is_ok_and(|port| port > 0)
        && !name.is_empty()
        && name.chars().all(word)
        && name.chars().any(|c| c.is_ascii_alphabetic())
}

/// Whether a name may lead outside. What it leads to is looked at when it is connected to.
fn is_outside(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    // `example.com` and the like are somebody's; `.example` alone is nobody's.
    let metadata = name.split('.').any(|part| part == "metadata" || part == "instance-data");
    !last.is_empty() && !INSIDE.contains(&last) && !metadata
}

/// Whether an address is one of the public internet. IPv6 that holds an IPv4 address is judged by that one, or refused
/// where it may be routed past us.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_unspecified()
        || ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let last = Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7]));
    // ::ffff:a.b.c.d, as the sockets of this machine write IPv4.
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    // 64:ff9b::a.b.c.d, as a network without IPv4 reaches it.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(last);
    }
    // Only 2000::/3 is given out. That leaves out ::1, ::a.b.c.d, 64:ff9b:1::/48, fc00::/7, fe80::/10, ff00::/8.
    if s[0] & 0xe000 != 0x2000 {
        return false;
    }
    // Teredo, ORCHID and benchmarks stand in 2001::/23; beside it documentation.
    let of_2001 = s[0] == 0x2001 && (s[1] < 0x0200 || s[1] == 0x0db8);
    let sixtofour = s[0] == 0x2002;
    let documentation = s[0] == 0x3fff && s[1] < 0x1000;
    let isatap = s[4] & 0xfdff == 0 && s[5] == 0x5efe;
    !(of_2001 || sixtofour || documentation || isatap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(url: &str) {
        let found = decide(url, &Allowed::default());
        assert!(found.is_err(), "{url} is let through as {found:?}");
    }

    #[test]
    fn no_spelling_leads_into_private_space() {
        let hosts = [
            // Loopback in every spelling of IPv4
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "127.255.255.254",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "0177.1",
            "0177.0x0.0.1",
            "127.0.0.1.",
            "127.000.000.001",
            "0x7F.0.0.0x1",
            "%31%32%37.0.0.1",
            "127%2e0%2e0%2e1",
            "①②⑦.⓪.⓪.①",
            "127。0。0。1",
            "127.0.0.0x1",
            "0300.0250.0.1",
            // Other private and special IPv4
            "0.0.0.0",
            "0",
            "0x0",
            "00000",
            "10.0.0.1",
            "10.1",
            "0x0a000001",
            "167772161",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "3232235521",
            "0xc0a80001",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            // IPv6
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[0000::0001]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[::127.0.0.1]",
            "[::7f00:1]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:a9fe:a9fe::1]",
            "[2002:808:808::1]",
            "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
            "[2001:10::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fe80::1]",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "[fec0::1]",
            "[fc00::1]",
            "[fd00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[100::1]",
            "[2606:4700::5efe:10.0.0.1]",
            "[2606:4700::200:5efe:a00:1]",
            // Names
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "localhost.localdomain",
            "printer.local",
            "db.internal",
            "metadata",
            "metadata.google.internal",
            "METADATA.google.internal.",
            "instance-data",
            "instance-data.ec2.internal",
            "metadata.azure.com",
            "intranet",
            "nas.lan",
            "router.home.arpa",
            "1.0.0.127.in-addr.arpa",
            "build.corp",
            "x.intranet",
            "ⓛocalhost",
            "loc%61lhost",
        ];
        assert!(hosts.len() >= 60, "{}", hosts.len());
        for host in hosts {
            refused(&format!("https://{host}/hook"));
            refused(&format!("https://{host}:8443/hook"));
        }
    }

    #[test]
    fn only_https_on_few_ports_without_anything_beside() {
        for url in [
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "file:///etc/passwd",
            "gopher://x.example.com/",
            "//hooks.example.com/",
            "hooks.example.com",
            "https://",
            "https:///",
            "javascript:alert(1)",
            "",
            "https://hooks.example.com:22/",
            "https://hooks.example.com:80/",
            "https://hooks.example.com:6379/",
            "https://user@hooks.example.com/",
            "https://user:pw@hooks.example.com/",
            "https://8.8.8.8@127.0.0.1/",
            "https://hooks.example.com/#x",
            "https://hooks.example.com\\@127.0.0.1/",
            "https://hooks.example.com/\r\nX: y",
            " https://hooks.example.com/",
            "https://hooks.exa mple.com/",
            "https://[::ffff:8.8.8.8/",
            "https://a..b:99999/",
        ] {
            refused(url);
        }
        refused(&format!("https://hooks.example.com/{}", "a".repeat(2_000)));
    }

    #[test]
    fn public_addresses_are_let_through() {
        for url in [
            "https://hooks.example.com/a?b=c",
            "https://hooks.example.com:8443/",
            "https://example.com.",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://[64:ff9b::808:808]/",
            "https://[::ffff:8.8.8.8]/",
            "https://bücher.de/",
            "https://localhost.example.com/",
        ] {
            assert!(decide(url, &Allowed::default()).is_ok_and(|target| !target.listed), "{url}");
        }
    }

    #[test]
    fn a_private_address_is_reached_only_when_it_is_listed_exactly() {
        let allowed = Allowed {
            private: vec!["127.0.0.1:9000".into(), "[fd00:0::1]:9000".into(), "build.lan:9000".into()],
            ..Allowed::default()
        };
        for (url, listed) in [
            ("http://127.0.0.1:9000/", true),
            ("http://0x7f.1:9000/", true),
            ("http://[fd00::1]:9000/", true),
            ("http://Build.LAN.:9000/", true),
            ("http://127.0.0.1:9001/", false),
            ("http://127.0.0.2:9000/", false),
            ("https://127.0.0.1/", false),
            ("http://build.lan/", false),
            ("http://x.build.lan:9000/", false),
        ] {
            assert_eq!(decide(url, &allowed).is_ok_and(|target| target.listed), listed, "{url}");
        }
        for (entry, exact) in [
            ("127.0.0.1:9000", true),
            ("[::1]:9000", true),
            ("build.lan:9000", true),
            ("127.0.0.1", false),
            ("10.0.0.0/8", false),
            ("*:80", false),
            ("build.lan:0", false),
            (":80", false),
            ("1.2.3:80", false),
        ] {
            assert_eq!(is_exact(entry), exact, "{entry}");
        }
    }
}
