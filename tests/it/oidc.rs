//! Agents who come with an access token of a provider: let in when it is good and an admin said who they are, and otherwise
//! answered as anybody with a token that nobody knows.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::insight::calls::ops::{ListCalls, list};
use domain::kernel::Code;
use domain::workspace::access::identity::{Identity, LinkIdentity, link, unlink};
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use harness::peers::{FakeIssuer, Fault, How, SigningKey, unsigned};
use harness::{Place, Team, World, on_both};
use hmac::{Hmac, KeyInit, Mac};
use host::{Config, Host};
use mcp_server::Options;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const AUDIENCE: &str = "https://milepost.example.com/mcp";

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::rsa("first", 2048));
static OTHER_RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::rsa("second", 2048));

struct Scene<'w> {
    world: &'w World,
    issuer: Arc<FakeIssuer>,
    host: Host,
    app: Router,
}

impl<'w> Scene<'w> {
    fn new(world: &'w World) -> Self {
        Self::with(world, |_| {})
    }

    /// With the provider's settings other than they are.
    fn with(world: &'w World, change: impl FnOnce(&mut host::config::Oidc)) -> Self {
        let issuer = Arc::new(FakeIssuer::start(&[&RSA]));
        let mut config = Config::default();
        config.http.public_url = Some("https://milepost.example.com".into());
        config.oidc.issuer = Some(issuer.url());
        config.oidc.audience = Some(AUDIENCE.into());
        config.oidc.allow_private = vec![issuer.address().to_string()];
        change(&mut config.oidc);
        let host = world.host_with(Place::usual_limits(), config);
        let app = mcp_server::app(&host, Options::default(), CancellationToken::new()).unwrap();
        Self { world, issuer, host, app }
    }

    fn link(&self, team: &Team, subject: &str, scope: Grant) -> Identity {
        let new = LinkIdentity { agent: "desk".into(), issuer: self.issuer.url(), subject: subject.into(), scope };
        self.world.act(&team.as_(Role::Admin), |cx| link(cx, &new)).unwrap()
    }

    /// The claims of a good token, some of them other than they are.
    fn claims(&self, other: Value) -> Value {
        let now = self.world.now().as_second();
        let mut claims = json!({
            "iss": self.issuer.url(), "aud": AUDIENCE, "sub": "client-7", "exp": now + 300, "iat": now,
            "scope": "milepost:write",
        });
        for (name, value) in other.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn token(&self) -> String {
        RSA.token(&self.claims(json!({})))
    }

    /// Status, `WWW-Authenticate` and body of what a call of a tool is answered.
    fn call(&self, token: &str, tool: &str, arguments: Value) -> (u16, String, Value) {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments},
        });
        let request = Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(body.to_string()));
        self.world.wait_for(async {
            let response = self.app.clone().oneshot(request.unwrap()).await.unwrap();
            let status = response.status().as_u16();
            let header = response.headers().get("www-authenticate");
            let challenge = header.map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            (status, challenge, serde_json::from_slice(&body).unwrap())
        })
    }

    fn status(&self, token: &str) -> u16 {
        self.call(token, "deal_list", json!({})).0
    }

    fn minutes_pass(&self, minutes: u64) {
        self.world.host.clock().advance(Duration::from_secs(60 * minutes));
    }
}

on_both! {
    fn a_good_token_of_a_linked_subject_is_let_in_as_its_agent(world: World) {
        let scene = Scene::new(&world);
        let identity = scene.link(&world.team, "client-7", Grant::Admin);
        let new = json!({
            "title": "12 Oak Street", "address": "12 Oak Street, Chicago", "side": "buyer", "financing": "cash",
            "time_zone": "America/Chicago",
            "key_dates": {"contract_date": "2026-10-14", "closing_date": "2026-12-11"},
        });
        let (status, _, made) = scene.call(&scene.token(), "deal_create", new);
        assert_eq!((status, &made["result"]["isError"]), (200, &json!(false)), "{made}");
        let who = world.wait_for(scene.host.authenticate_agent(&scene.token())).unwrap();
        assert_eq!((who.actor.name.as_str(), who.workspace), ("desk", world.team.id));
        assert_eq!(who.holder(), format!("identity:{}", identity.id));
        // The record of calls says with what it came, and the list of identities when it last did.
        world.wait_for(scene.host.write_calls());
        let wanted = ListCalls { identity_id: Some(identity.id), ..ListCalls::default() };
        let calls = world.look(&world.team.as_(Role::Admin), |cx| list(cx, &wanted)).unwrap().items;
        assert_eq!((calls.len(), calls[0].changed, calls[0].token_id), (1, true, None));
        let all = world.look(&world.team.as_(Role::Admin), domain::workspace::access::identity::list).unwrap();
        assert_eq!(all[0].last_used_at, Some(world.now()));
        // Asked for once, however many come.
        assert_eq!(scene.issuer.times_asked(), 1);
        world.log_is_whole(&world.team);
    }

    fn every_token_that_is_not_good_is_answered_as_one_that_nobody_knows(world: World) {
        let scene = Scene::new(&world);
        scene.link(&world.team, "client-7", Grant::Write);
        assert_eq!(scene.status(&scene.token()), 200);
        let now = world.now().as_second();
        let unknown = scene.call("milep_mcp_nonsense", "deal_list", json!({}));
        assert_eq!((unknown.0, unknown.2["code"].as_str()), (401, Some("unauthenticated")));
        let good = scene.claims(json!({}));
        let header = |alg: &str| json!({ "alg": alg, "kid": "first", "typ": "at+jwt" });
        let hmac = {
            // Who has the public key, which is everybody, takes it for a shared secret.
            let signed = unsigned(&header("HS256"), &good);
            let mut mac = Hmac::<Sha256>::new_from_slice(&RSA.public_pem()).unwrap();
            mac.update(signed.as_bytes());
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        };
        let altered = {
            let token = scene.token();
            let (head, signature) = token.rsplit_once('.').unwrap();
            let (header, _) = head.split_once('.').unwrap();
            let claims = URL_SAFE_NO_PAD.encode(scene.claims(json!({"scope": "milepost:admin"})).to_string());
            format!("{header}.{claims}.{signature}")
        };
        let own_key = {
            let mut header = header("RS256");
            header["jwk"] = OTHER_RSA.jwk();
            header["jku"] = json!(format!("{}/keys", scene.issuer.url()));
            OTHER_RSA.token_with(&header, &good)
        };
        let with = |other: Value| RSA.token(&scene.claims(other));
        let cases = [
            ("expired", with(json!({"exp": now - 61}))),
            ("of the future", with(json!({"iat": now + 120}))),
            ("not yet good", with(json!({"nbf": now + 120}))),
            ("for another audience", with(json!({"aud": "https://other.example.com/mcp"}))),
            ("from another issuer", with(json!({"iss": "https://login.example.com"}))),
            ("of a subject that nobody linked", with(json!({"sub": "client-8"}))),
            ("for a workspace that there is not", with(json!({"milepost_workspace": "harbor"}))),
            ("signed by another key of the same name", OTHER_RSA.token_with(&header("RS256"), &good)),
            ("signed by a key that it brings along", own_key),
            ("signed by a key of another name", OTHER_RSA.token(&good)),
            ("not signed", format!("{}.", unsigned(&header("none"), &good))),
            ("not signed, with a good algorithm", format!("{}.", unsigned(&header("RS256"), &good))),
            ("signed with the public key as a secret", hmac),
            ("altered", altered),
            ("signed in another way than it says", RSA.token_with(&header("ES256"), &good)),
            ("too long", with(json!({"more": "x".repeat(9_000)}))),
            ("with an extension", RSA.token_with(&json!({"alg": "RS256", "kid": "first", "crit": ["b64"]}), &good)),
            ("an identity token of another type", RSA.token_with(&json!({"alg": "RS256", "kid": "first", "typ": "logout+jwt"}), &good)),
            ("cut off", scene.token()[..scene.token().len() - 2].to_owned()),
        ];
        for (what, token) in cases {
            assert_eq!(scene.call(&token, "deal_list", json!({})), unknown, "{what}");
        }
        assert_eq!(scene.status(&scene.token()), 200);
    }

    fn without_a_provider_nobody_gets_in_and_nothing_is_said_of_one(world: World) {
        let scene = Scene::new(&world);
        scene.link(&world.team, "client-7", Grant::Write);
        let plain = mcp_server::app(&world.host, Options::default(), CancellationToken::new()).unwrap();
        let alone = Scene { app: plain, issuer: scene.issuer.clone(), host: world.host.clone(), world: &world };
        let (status, challenge, _) = alone.call(&scene.token(), "deal_list", json!({}));
        assert_eq!((status, challenge.as_str()), (401, "Bearer"));
        assert_eq!(scene.issuer.asked().len(), 0);
        // REST takes our own tokens only.
        let no = world.wait_for(scene.host.authenticate(&scene.token(), domain::kernel::Source::Rest)).unwrap_err();
        assert_eq!(no.code, Code::Unauthenticated);
    }

    fn a_client_is_told_where_to_get_a_token_and_what_is_wrong_with_its_own(world: World) {
        let scene = Scene::new(&world);
        let metadata = "Bearer resource_metadata=\"https://milepost.example.com/.well-known/oauth-protected-resource/mcp\"";
        let (status, challenge, _) = scene.call("nonsense", "deal_list", json!({}));
        assert_eq!((status, challenge), (401, format!("{metadata}, error=\"invalid_token\"")));
        let get = |path: &str, token: bool| {
            let mut request = Request::builder().uri(path).method(if token { "POST" } else { "GET" }).header("host", "localhost");
            if token {
                request = request.header("content-type", "application/json");
            }
            let request = request.body(Body::empty()).unwrap();
            world.wait_for(async {
                let response = scene.app.clone().oneshot(request).await.unwrap();
                let headers = response.headers().clone();
                let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
                (headers, serde_json::from_slice::<Value>(&body).unwrap())
            })
        };
        // Without a token there is no error to name.
        assert_eq!(get("/mcp", true).0["www-authenticate"], metadata);
        for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
            let (headers, document) = get(path, false);
            assert_eq!((&headers["content-type"], &headers["access-control-allow-origin"]), (&"application/json".parse().unwrap(), &"*".parse().unwrap()));
            assert_eq!(
                document,
                json!({
                    "resource": "https://milepost.example.com/mcp", "resource_name": "Milepost",
                    "authorization_servers": [scene.issuer.url()],
                    "scopes_supported": ["milepost:read", "milepost:propose", "milepost:write", "milepost:admin"],
                    "bearer_methods_supported": ["header"],
                })
            );
        }
        // A good token that may nothing here is told what to ask for.
        scene.link(&world.team, "client-7", Grant::Write);
        let useless = RSA.token(&scene.claims(json!({"scope": "openid profile"})));
        let (status, challenge, body) = scene.call(&useless, "deal_list", json!({}));
        assert_eq!((status, body["code"].as_str()), (403, Some("forbidden")));
        assert_eq!(challenge, format!("{metadata}, error=\"insufficient_scope\", scope=\"milepost:read\""));
    }

    fn scopes_are_upper_bounds_of_token_and_link_alike(world: World) {
        let scene = Scene::new(&world);
        scene.link(&world.team, "reader", Grant::Read);
        scene.link(&world.team, "writer", Grant::Admin);
        let may = |subject: &str, scope: &str| {
            let token = RSA.token(&scene.claims(json!({"sub": subject, "scope": scope})));
            let who = world.wait_for(scene.host.authenticate_agent(&token)).unwrap();
            Grant::ALL.iter().rev().find(|grant| domain::workspace::access::rules::agent_powers(**grant) == who.powers).copied()
        };
        assert_eq!(may("reader", "milepost:admin"), Some(Grant::Read));
        assert_eq!(may("writer", "milepost:read"), Some(Grant::Read));
        assert_eq!(may("writer", "milepost:read milepost:write"), Some(Grant::Write));
        let (_, _, body) = scene.call(
            &RSA.token(&scene.claims(json!({"sub": "writer", "scope": "milepost:propose"}))), "deal_create", json!({"title": "x"}),
        );
        let sentence = body["result"]["structuredContent"]["sentence"].as_str().unwrap();
        assert!(sentence.contains("an access token that may propose"), "{body}");
    }

    fn whose_agent_it_is_the_workspace_says(world: World) {
        let scene = Scene::new(&world);
        let harbor = world.found("harbor", "harbor.example");
        scene.link(&harbor, "client-7", Grant::Write);
        let into = |workspace: &str| {
            let token = RSA.token(&scene.claims(json!({ "milepost_workspace": workspace })));
            world.wait_for(scene.host.authenticate_agent(&token)).map(|who| who.workspace)
        };
        assert_eq!(into("harbor"), Ok(harbor.id));
        assert_eq!(into(&harbor.id.to_string()), Ok(harbor.id));
        assert_eq!(into("lakeside").unwrap_err().code, Code::Unauthenticated);
        // There are two of them, so one has to be named.
        assert_eq!(scene.status(&scene.token()), 401);
    }

    fn a_link_that_ends_ends_with_the_next_call(world: World) {
        let scene = Scene::new(&world);
        let identity = scene.link(&world.team, "client-7", Grant::Write);
        assert_eq!(scene.status(&scene.token()), 200);
        let admin = world.team.as_(Role::Admin);
        let twice = LinkIdentity {
            agent: "other".into(), issuer: scene.issuer.url(), subject: "client-7".into(), scope: Grant::Read,
        };
        assert_eq!(world.act(&admin, |cx| link(cx, &twice)).unwrap_err().code, Code::AlreadyExists);
        world.act(&admin, |cx| unlink(cx, identity.id)).unwrap();
        assert_eq!(scene.status(&scene.token()), 401);
        assert_eq!(world.act(&admin, |cx| unlink(cx, identity.id)).unwrap_err().code, Code::NotFound);
        world.act(&admin, |cx| link(cx, &twice)).unwrap();
        assert_eq!(scene.status(&scene.token()), 200);
        for role in [Role::Coordinator, Role::Viewer] {
            assert_eq!(world.act(&world.team.as_(role), |cx| link(cx, &twice)).unwrap_err().code, Code::Forbidden);
        }
        let agent = world.agent(&world.team, Grant::Admin);
        assert_eq!(world.act(&agent, |cx| link(cx, &twice)).unwrap_err().code, Code::Forbidden, "a program makes no identities");
        world.log_is_whole(&world.team);
    }

    fn an_unknown_key_is_asked_for_once_a_minute_whoever_brings_it(world: World) {
        let scene = Scene::new(&world);
        scene.link(&world.team, "client-7", Grant::Write);
        assert_eq!((scene.status(&scene.token()), scene.issuer.times_asked()), (200, 1));
        let rotated = OTHER_RSA.token(&scene.claims(json!({})));
        // Just asked: it is not asked again, however many come.
        for n in 0..5 {
            let header = json!({"alg": "RS256", "kid": format!("made-up-{n}")});
            assert_eq!(scene.status(&RSA.token_with(&header, &scene.claims(json!({})))), 401);
        }
        assert_eq!(scene.status(&rotated), 401);
        assert_eq!(scene.issuer.times_asked(), 1);
        // The provider takes another key into use.
        scene.issuer.publishes(vec![RSA.jwk(), OTHER_RSA.jwk()]);
        scene.minutes_pass(1);
        let fresh = || OTHER_RSA.token(&scene.claims(json!({})));
        assert_eq!((scene.status(&fresh()), scene.issuer.times_asked()), (200, 2));
        assert_eq!(scene.status(&scene.token()), 200);
        // And later takes the old one away.
        scene.issuer.publishes(vec![OTHER_RSA.jwk()]);
        scene.minutes_pass(10);
        assert_eq!((scene.status(&fresh()), scene.issuer.times_asked()), (200, 3));
        assert_eq!(scene.status(&scene.token()), 401);
    }

    fn keys_are_kept_for_a_day_while_the_provider_is_down(world: World) {
        let scene = Scene::new(&world);
        scene.link(&world.team, "client-7", Grant::Write);
        scene.issuer.goes_away();
        // Nobody can say whether it is good, which is not the same as that it is not.
        let (status, _, body) = scene.call(&scene.token(), "deal_list", json!({}));
        assert_eq!((status, body["code"].as_str()), (503, Some("unavailable")), "{body}");
        scene.issuer.comes_back();
        scene.minutes_pass(1);
        assert_eq!(scene.status(&scene.token()), 200);
        scene.issuer.goes_away();
        for _ in 0..3 {
            scene.minutes_pass(7 * 60);
            assert_eq!(scene.status(&scene.token()), 200);
        }
        scene.minutes_pass(3 * 60);
        assert_eq!(scene.status(&scene.token()), 503);
        scene.issuer.comes_back();
        scene.minutes_pass(1);
        assert_eq!(scene.status(&scene.token()), 200);
    }

    fn a_provider_that_says_nonsense_takes_no_key_away(world: World) {
        let scene = Scene::new(&world);
        scene.link(&world.team, "client-7", Grant::Write);
        assert_eq!(scene.status(&scene.token()), 200);
        let answer = |body: &str| harness::peers::Answer::empty(200).saying(body.as_bytes().to_vec());
        for nonsense in [
            Fault::status(500),
            Fault::says(answer("[]")),
            Fault::says(answer("{\"keys\":[]}")),
            Fault::says(answer("{\"keys\":[],\"keys\":[]}")),
            Fault::says(answer("<html>")),
            Fault::before_taking(How::Endless(1 << 20)),
            Fault::before_taking(How::CutBody),
        ] {
            scene.issuer.fail_next("GET /keys", nonsense);
            scene.minutes_pass(11);
            assert_eq!(scene.status(&scene.token()), 200);
        }
        assert_eq!(scene.issuer.times_asked(), 8);
    }

    fn keys_of_other_kinds_and_uses_sign_nothing(world: World) {
        let scene = Scene::new(&world);
        scene.link(&world.team, "client-7", Grant::Write);
        let (weak, curve) = (SigningKey::rsa("weak", 1024), SigningKey::p256("curve"));
        let (mut for_secrets, mut only_pss) = (OTHER_RSA.jwk(), OTHER_RSA.jwk());
        for_secrets["kid"] = json!("for-secrets");
        for_secrets["use"] = json!("enc");
        only_pss["kid"] = json!("only-pss");
        only_pss["alg"] = json!("PS256");
        let secret = json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"});
        scene.issuer.publishes(vec![weak.jwk(), curve.jwk(), for_secrets, only_pss, secret, json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"})]);
        let with = |key: &SigningKey, alg: &str, kid: &str| {
            scene.status(&key.token_with(&json!({ "alg": alg, "kid": kid }), &scene.claims(json!({}))))
        };
        assert_eq!(with(&curve, "ES256", "curve"), 200);
        assert_eq!(with(&OTHER_RSA, "PS256", "only-pss"), 200);
        assert_eq!(with(&OTHER_RSA, "RS256", "only-pss"), 401);
        assert_eq!(with(&OTHER_RSA, "RS256", "for-secrets"), 401);
        assert_eq!(with(&weak, "RS256", "weak"), 401);
        assert_eq!(with(&curve, "RS256", "curve"), 401);
        // Several could be meant, so one has to be named.
        let nameless = |key: &SigningKey, alg: &str| scene.status(&key.token_with(&json!({ "alg": alg }), &scene.claims(json!({}))));
        assert_eq!(nameless(&curve, "ES256"), 401);
        scene.issuer.publishes(vec![curve.jwk()]);
        scene.minutes_pass(10);
        assert_eq!(with(&curve, "ES256", "curve"), 200);
        assert_eq!(nameless(&curve, "ES256"), 200);
    }

    fn only_the_addresses_that_the_settings_name_are_asked_in_private_space(world: World) {
        let elsewhere = FakeIssuer::start(&[&RSA]);
        let scene = Scene::new(&world);
        scene.link(&world.team, "client-7", Grant::Write);
        scene.issuer.says_keys_are_at(&format!("{}/keys", elsewhere.url()));
        assert_eq!(scene.status(&scene.token()), 503);
        assert_eq!(elsewhere.asked().len(), 0);
        // Named in the settings, keys are fetched without asking where they are.
        let direct = Scene::with(&world, |oidc| {
            oidc.jwks_url = Some(format!("{}/keys", elsewhere.url()));
            oidc.allow_private.push(elsewhere.address().to_string());
        });
        direct.link(&world.team, "client-7", Grant::Write);
        assert_eq!(direct.status(&direct.token()), 200);
        assert_eq!((direct.issuer.asked().len(), elsewhere.times_asked()), (0, 1));
        // Nobody else speaks for the issuer.
        let other = Scene::with(&world, |oidc| oidc.issuer = oidc.issuer.as_ref().map(|issuer| format!("{issuer}/")));
        assert_eq!(other.status(&other.token()), 503);
    }

    fn our_own_tokens_go_on_being_good(world: World) {
        let scene = Scene::new(&world);
        let (_, secret) = world.token(&world.team, For::Agent("robot".into()), Grant::Read, None);
        scene.issuer.goes_away();
        assert_eq!(scene.status(&secret), 200);
    }
}
