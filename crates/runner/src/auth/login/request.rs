//! The requests of a recipe.

use super::attempt::{Answer, Attempt};
use super::quote::{cookies, shown, there};
use crate::auth::error::{AuthError, Step, Unreached};
use crate::auth::percent_encode;
use crate::auth::recipe::{Body, Request, TokenAt};
use goldwire_core::secret::Secret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// How much of an answer is read, in bytes. Logins answer in kilobytes; a longer one is not an answer to a login.
const READ: usize = 1024 * 1024;

impl Attempt<'_> {
    /// Sends one request, and keeps the values of the answer that the recipe names. Returns the token, if the recipe has one.
    pub(super) async fn request(
        &mut self,
        step: Step,
        request: &Request,
        token: Option<&TokenAt>,
    ) -> Result<Option<Secret>, AuthError> {
        let (built, method, url) = self.build(step, request)?;
        let answer = self.send(step, built, &method, &url).await?;
        let json = serde_json::from_slice::<Value>(&answer.body).ok();
        let found = token.and_then(|at| match at {
            TokenAt::Pointer(pointer) => json.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned),
            TokenAt::Cookie(name) => {
                cookies(&answer.headers).find(|c| c.name == name).map(|c| c.value.to_owned())
            }
        });
        // This comes first, so that no later message about this response contains its secrets.
        self.hide_secrets(request, found.as_deref(), json.as_ref(), &answer);
        let url = self.redactor.clean(&url).into_owned();
        let is_accepted = if request.accept.is_empty() {
            (200..300).contains(&answer.status)
        } else {
            request.accept.contains(&answer.status)
        };
        if !is_accepted {
            let answer_text = self.quote(&answer, json.as_ref());
            return Err(AuthError::Answered {
                step,
                method,
                url,
                status: answer.status,
                answer: answer_text,
            });
        }
        let not_there = |missing: String| AuthError::NotInAnswer {
            step,
            method: method.clone(),
            url: url.clone(),
            status: answer.status,
            missing,
            there: there(&answer, json.as_ref()),
        };
        let at = |pointer: &str| json.as_ref().and_then(|json| json.pointer(pointer));
        for (name, pointer) in request.binds.iter().chain(&request.secrets) {
            // An existing user gets another response; the login must provide its values.
            match at(pointer) {
                Some(value) => {
                    self.vars.insert(name.clone(), value.clone());
                }
                None if step == Step::Register && !(200..300).contains(&answer.status) => {}
                None => return Err(not_there(format!("nothing is at {}", shown(pointer)))),
            }
        }
        let Some(place) = token else { return Ok(None) };
        match found.filter(|token| !token.is_empty()) {
            Some(token) => Ok(Some(Secret::new(token))),
            None => Err(not_there(match place {
                TokenAt::Pointer(pointer) => format!("no token is at {}", shown(pointer)),
                TokenAt::Cookie(name) => format!("it sets no cookie `{name}`"),
            })),
        }
    }

    fn build(&self, step: Step, request: &Request) -> Result<(reqwest::Request, String, String), AuthError> {
        let wrong =
            |cause: String| AuthError::BadRequest { step, cause: self.redactor.clean(&cause).into_owned() };
        let text = self.text(step, &request.url)?;
        self.redactor.note_url(&text);
        let url =
            reqwest::Url::parse(&text).map_err(|error| wrong(format!("`{text}` is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(format!("`{text}` is not an HTTP URL")));
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| wrong(format!("`{}` is not an HTTP method", request.method)))?;
        let mut headers = HeaderMap::new();
        for (name, template) in &request.headers {
            let value = self.text(step, template)?;
            self.redactor.note_header(name, &value);
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value))
            else {
                return Err(wrong(format!("header `{name}` cannot be sent like this")));
            };
            headers.append(name, value);
        }
        let client = self.client(step, &url)?;
        let builder = client.request(method, url);
        let builder = match &request.body {
            Body::Empty => builder,
            Body::Json(template) => {
                let body = self.value(step, template)?;
                self.hide_suspects(&body);
                builder.json(&body)
            }
            Body::Form(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, template)| {
                        let value = self.text(step, template)?;
                        self.hide_suspects(&serde_json::json!({ key: value }));
                        Ok(format!("{}={}", percent_encode(key), percent_encode(&value)))
                    })
                    .collect::<Result<_, AuthError>>()?;
                builder.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&"))
            }
        };
        let built = builder.headers(headers).build().map_err(|error| wrong(chain(&error.without_url())))?;
        Ok((built, request.method.clone(), text))
    }

    fn client(&self, step: Step, url: &reqwest::Url) -> Result<&reqwest::Client, AuthError> {
        self.base.clients.of(url).map_err(|cause| AuthError::Trust { step, cause })
    }

    async fn send(
        &self,
        step: Step,
        request: reqwest::Request,
        method: &str,
        url: &str,
    ) -> Result<Answer, AuthError> {
        let client = self.client(step, request.url())?;
        let exchange = async {
            let mut response = client.execute(request).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                let room = READ - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if body.len() == READ {
                    break;
                }
            }
            Ok::<Answer, reqwest::Error>(Answer { status, headers, body })
        };
        let cause = match tokio::time::timeout(self.timeout.into(), Box::pin(exchange)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => self.unreached(error),
            Err(_) => Unreached::Timeout(self.timeout),
        };
        let url = self.redactor.clean(url).into_owned();
        Err(AuthError::NoAnswer { step, method: method.to_owned(), url, cause })
    }

    fn unreached(&self, error: reqwest::Error) -> Unreached {
        let error = error.without_url();
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<std::io::Error>()
                && io.kind() == std::io::ErrorKind::ConnectionRefused
            {
                return Unreached::Refused;
            }
            if cause.to_string().starts_with("dns error") {
                return Unreached::NoHost;
            }
            next = cause.source();
        }
        Unreached::Other(self.redactor.clean(&chain(&error)).into_owned())
    }
}

/// An error and its causes on one line, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
