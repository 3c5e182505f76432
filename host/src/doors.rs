//! Which `Host` and `Origin` are served. A page on the web must not reach a server on its visitor's own machine.

use std::net::IpAddr;

use domain::kernel::{Code, Refusal};
use http::uri::Authority;
use http::{HeaderMap, Uri, header};

/// Refuses a request to a host name, or from a page of an origin, that is neither loopback nor in the settings.
/// The code is `invalid` for a request that names no host at all, `forbidden` otherwise.
pub fn check(uri: &Uri, headers: &HeaderMap, hosts: &[String], origins: &[String]) -> Result<(), Refusal> {
    let host = match headers.get(header::HOST) {
        Some(value) => value.to_str().ok().and_then(|text| text.parse::<Authority>().ok()),
        None => uri.authority().cloned(),
    };
    let Some(host) = host else {
        let sentence = "The request names no valid Host. Nothing was done.";
        return Err(Refusal::new(Code::Invalid, sentence, "Send a Host header."));
    };
    if !is_loopback(host.host()) && !hosts.iter().any(|known| same_host(known, &host)) {
        return Err(refused("This host name is not served here.", "add it to the hosts in the http settings"));
    }
    let mut sent = headers.get_all(header::ORIGIN).iter();
    let known = sent.all(|origin| origin.to_str().is_ok_and(|origin| known_origin(origin, origins)));
    if !known {
        return Err(refused(
            "Pages of this origin may not call this server.",
            "add it to the origins in the http settings",
        ));
    }
    Ok(())
}

/// What proxies and tunnels leave on a request that they pass on.
const PASSED_ON: [&str; 8] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "cf-connecting-ip",
];

/// Refuses a request that says that somebody passed it on: whoever sent it may be anywhere, and a server that asks for no
/// token takes everybody for somebody on this machine.
pub fn check_direct(headers: &HeaderMap) -> Result<(), Refusal> {
    if !PASSED_ON.iter().any(|name| headers.contains_key(*name)) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::Forbidden,
        "This request was passed on by a proxy, and this server asks nobody for a token. Nothing was done.",
        "Call it directly on its own machine, or ask the person who runs Milepost to start it without --no-auth.",
    ))
}

/// The token of `Authorization: Bearer`, without the word; `None` when there is none.
pub fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn refused(sentence: &str, how: &str) -> Refusal {
    let next = format!("Use a loopback address, or ask the person who runs Milepost to {how}.");
    Refusal::new(Code::Forbidden, format!("{sentence} Nothing was done."), next)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn same_host(known: &str, host: &Authority) -> bool {
    known.parse::<Authority>().is_ok_and(|known| {
        known.host().eq_ignore_ascii_case(host.host())
            && (known.port_u16().is_none() || known.port_u16() == host.port_u16())
    })
}

/// `null`, the origin of sandboxed pages and files, is none of ours.
fn known_origin(origin: &str, origins: &[String]) -> bool {
    let Some(parts) = parts(origin) else {
        return false;
    };
    is_loopback(&parts.1) || origins.iter().any(|known| self::parts(known).as_ref() == Some(&parts))
}

/// Scheme, host and port, with the port that the scheme implies.
fn parts(origin: &str) -> Option<(String, String, u16)> {
    let uri: Uri = origin.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let port = uri.port_u16().unwrap_or(usual);
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(host: &str, origin: Option<&str>) -> Option<Code> {
        let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let hosts = ["agents.example.com".to_owned(), "other.example.com:8443".to_owned()];
        let origins = ["https://app.example.com".to_owned()];
        check(&Uri::from_static("/mcp"), &headers, &hosts, &origins).err().map(|refusal| refusal.code)
    }

    #[test]
    fn loopback_and_listed_names_are_served_and_nothing_else() {
        for host in
            ["localhost", "LOCALHOST:8787", "127.0.0.1:1", "127.9.9.9", "[::1]:8787", "agents.example.com:99"]
        {
            assert_eq!(status(host, None), None, "{host}");
        }
        assert_eq!(status("other.example.com:8443", None), None);
        for host in
            ["evil.example", "other.example.com", "localhost.evil.example", "0.0.0.0", "127.0.0.1.evil.example"]
        {
            assert_eq!(status(host, None), Some(Code::Forbidden), "{host}");
        }
        assert_eq!(status("not a host", None), Some(Code::Invalid));
    }

    #[test]
    fn what_somebody_passed_on_is_not_from_this_machine() {
        let with = |name: &str| {
            let name: header::HeaderName = name.parse().unwrap();
            check_direct(&HeaderMap::from_iter([(name, "203.0.113.7".parse().unwrap())]))
        };
        assert!(with("user-agent").is_ok() && with("host").is_ok());
        for name in ["Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP", "Via", "CF-Connecting-IP"] {
            assert_eq!(with(name).unwrap_err().code, Code::Forbidden, "{name}");
        }
    }

    #[test]
    fn a_page_from_elsewhere_is_turned_away() {
        for origin in [
            "http://localhost:3000",
            "https://127.0.0.1",
            "https://app.example.com",
            "https://app.example.com:443",
        ] {
            assert_eq!(status("localhost", Some(origin)), None, "{origin}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "",
            "http://app.example.com",
            "https://app.example.com:444",
            "file://",
        ] {
            assert_eq!(status("localhost", Some(origin)), Some(Code::Forbidden), "{origin}");
        }
    }
}
