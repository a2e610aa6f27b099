//! What the adapter makes of a database that hangs, breaks off or talks nonsense, over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

use std::{rc::Rc, time::Duration};

use pawl_core::usage::Usage;
use pawl_store::{
    Credentials, Postgrest, StoreError,
    serving::Exposure,
    turns::{BeginTurn, BeginTurns, FinishedTurn, Learning, NewTurn, Traits, TurnLedger},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use uuid::Uuid;

fn store(port: u16) -> Postgrest {
    let credentials = Credentials::of_service("sb_secret_1").ok().unwrap();
    let sleep = Rc::new(|duration| Box::pin(tokio::time::sleep(duration)) as _);
    Postgrest::new(&format!("http://127.0.0.1:{port}/"), &credentials, Duration::from_millis(300), sleep)
}

/// A server that reads one request and answers with these bytes; without any it never answers. Gives the request.
async fn serve(answer: Option<&'static str>) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let request = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 16 * 1024];
        let mut length = 0;
        // Headers and body may come apart.
        while !String::from_utf8_lossy(&bytes[..length]).ends_with('}') {
            length += socket.read(&mut bytes[length..]).await.unwrap();
        }
        match answer {
            Some(answer) => socket.write_all(answer.as_bytes()).await.unwrap(),
            None => tokio::time::sleep(Duration::from_secs(5)).await,
        }
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    });
    (port, request)
}

async fn fault(answer: Option<&'static str>) -> StoreError {
    let (port, _request) = serve(answer).await;
    store(port).serving_context(Uuid::nil()).await.unwrap_err()
}

#[tokio::test]
async fn faults_on_the_way_are_unavailable() {
    assert_eq!(fault(None).await, StoreError::Unavailable("timeout".into()));
    assert_eq!(fault(Some("")).await, StoreError::Unavailable("connection".into()));
    let cut_off = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"outcome\"";
    assert_eq!(fault(Some(cut_off)).await, StoreError::Unavailable("connection".into()));
    let nobody_listens = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port() };
    let error = store(nobody_listens).serving_context(Uuid::nil()).await.unwrap_err();
    assert_eq!(error, StoreError::Unavailable("connection".into()));
}

#[tokio::test]
async fn answers_are_read_by_code_and_shape() {
    let cases = [
        (
            "HTTP/1.1 503 X\r\ncontent-length: 20\r\n\r\n{\"code\":\"PGRST002\"} ",
            StoreError::Unavailable("PGRST002".into()),
        ),
        ("HTTP/1.1 401 X\r\ncontent-length: 16\r\n\r\n{\"code\":\"42501\"}", StoreError::Unauthenticated),
        ("HTTP/1.1 502 X\r\ncontent-length: 6\r\n\r\n<html>", StoreError::Unavailable("502".into())),
        (
            "HTTP/1.1 200 X\r\ncontent-length: 4\r\n\r\nnull",
            StoreError::Unexpected("shape of pawl_serving_context".into()),
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-length: 17\r\n\r\n{\"outcome\":\"new\"}",
            StoreError::Unexpected("shape of pawl_serving_context".into()),
        ),
    ];
    for (answer, error) in cases {
        assert_eq!(fault(Some(answer)).await, error, "{answer}");
    }
}

#[tokio::test]
async fn a_call_carries_the_credentials_and_texts_only_in_its_body() {
    let (port, request) =
        serve(Some("HTTP/1.1 200 X\r\ncontent-length: 23\r\n\r\n{\"outcome\":\"ok\",\"x\":\"\"}\n")).await;
    let traits = Traits { question_type: Some("code"), ..Traits::default() };
    let turn = NewTurn { message: "a/../b?c=d&e\"}", traits, ..NewTurn::default() };
    // A shape that no turn has: the call is what this test looks at.
    assert!(store(port).begin_turn(&turn).await.is_err());
    let request = request.await.unwrap();
    assert!(request.starts_with("POST /rest/v1/rpc/pawl_begin_turn HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\napikey: sb_secret_1\r\n"), "{request}");
    assert!(!request.to_lowercase().contains("\r\nauthorization:"), "{request}");
    let body: serde_json::Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["p_message"], "a/../b?c=d&e\"}");
    let traits = serde_json::json!({"question_type": "code", "data_source": null, "tools": null});
    assert_eq!(body["p_traits"], traits);

    let (port, _request) =
        serve(Some("HTTP/1.1 200 X\r\ncontent-length: 26\r\n\r\n{\"outcome\":\"unauthorized\"}")).await;
    assert_eq!(store(port).begin_turn(&turn).await.unwrap(), BeginTurn::Unauthorized);
}

#[tokio::test]
async fn what_is_learned_from_travels_with_the_answer() {
    let (port, request) =
        serve(Some("HTTP/1.1 200 X\r\ncontent-length: 28\r\n\r\n{\"outcome\":\"turn_not_found\"}")).await;
    let exposures = [Exposure { pattern_id: Uuid::max(), shown: false, propensity: 0.93 }];
    let turn = FinishedTurn {
        turn_id: Uuid::nil(),
        attempt: 1,
        prompt_id: None,
        answer: "x",
        model: "m",
        stop_reason: None,
        usage: Usage::default(),
        latency_ms: None,
        tools: &[],
        learning: Learning {
            response_format: "prose",
            length_class: "short",
            answer_characters: 1,
            exposures: &exposures,
        },
    };
    store(port).complete_turn(&turn).await.unwrap();
    let request = request.await.unwrap();
    let body: serde_json::Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let exposure = serde_json::json!({"pattern_id": Uuid::max(), "shown": false, "propensity": 0.93});
    let learning = serde_json::json!({"response_format": "prose", "length_class": "short", "answer_characters": 1,
                                      "exposures": [exposure]});
    assert_eq!(body["p_learning"], learning);
}
