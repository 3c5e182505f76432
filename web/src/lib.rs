//! What a browser, a load balancer and a curious person get over plain HTTP.

mod health;
mod hooks;
mod problem;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use host::Host;

pub use problem::Problem;

/// Health, what providers and links in messages call, a page that says what runs here, and a problem for every path that there is not.
pub fn router(host: &Host) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/healthz", get(health::alive))
        .route("/healthz/readiness", get(health::ready))
        .merge(hooks::routes())
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .fallback(async || Problem::no_such_path())
        .with_state(host.clone())
}

async fn front() -> impl IntoResponse {
    let text = format!(
        "Milepost {}: real-estate deadlines that explain themselves.\n\n\
         /mcp                 agents, over the Model Context Protocol (POST, with a token)\n\
         /healthz             whether this process is alive\n\
         /healthz/readiness   whether it can work\n\n\
         People use the command line: milepost --help\n",
        env!("CARGO_PKG_VERSION")
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], text)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: &str, path: &str) -> (u16, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::open(host::Config::default(), folder.path()).unwrap();
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = router(&host).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_path_answers_and_every_other_is_a_problem_with_a_code() {
        for (method, path, status, kind, part) in [
            ("GET", "/", 200, "text/plain; charset=utf-8", "/mcp"),
            ("GET", "/healthz", 200, "application/json", "\"status\":\"alive\""),
            ("GET", "/healthz/readiness", 200, "application/json", "\"status\":\"ready\""),
            ("GET", "/nowhere", 404, "application/problem+json", "\"code\":\"not_found\""),
            ("GET", "/healthz/", 404, "application/problem+json", "\"code\":\"not_found\""),
            ("POST", "/healthz", 405, "application/problem+json", "\"code\":\"wrong_method\""),
        ] {
            let (found, found_kind, body) = ask(method, path).await;
            assert_eq!((found, found_kind.as_str()), (status, kind), "{method} {path}");
            assert!(body.contains(part), "{method} {path}: {body}");
        }
    }
}
