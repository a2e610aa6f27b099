//! A line of a dataset, as chat models are fine-tuned from.

use serde::Serialize;

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

/// `{"messages":[{"role":"system","content":…},…,{"role":"assistant","content":…}]}` and a line feed: the system
/// prompt, unless it is empty, the messages (role, content; oldest first) and the answer. The same input gives the same
/// bytes.
pub fn line<'a>(system: &str, messages: impl IntoIterator<Item = (&'a str, &'a str)>, answer: &str) -> String {
    let mut line = String::from(r#"{"messages":["#);
    let spoken = messages.into_iter().map(|(role, content)| Message { role, content });
    let system = (!system.is_empty()).then_some(Message { role: "system", content: system });
    let mut separator = "";
    for message in system.into_iter().chain(spoken).chain([Message { role: "assistant", content: answer }]) {
        line.push_str(separator);
        // Two strings always can be written.
        line.push_str(&serde_json::to_string(&message).unwrap_or_default());
        separator = ",";
    }
    line.push_str("]}\n");
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn its_keys_stand_in_one_order() {
        let messages = [("user", "Hi \"you\"\n"), ("assistant", "Hä?\u{1}"), ("user", "</x> 🙂")];
        assert_eq!(
            line("Be kind.", messages, "Yes."),
            concat!(
                r#"{"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi \"you\"\n"},"#,
                r#"{"role":"assistant","content":"Hä?\u0001"},{"role":"user","content":"</x> 🙂"},"#,
                r#"{"role":"assistant","content":"Yes."}]}"#,
                "\n"
            )
        );
        let bare =
            "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n";
        assert_eq!(line("", [("user", "a")], "b"), bare);
    }

    proptest! {
        #[test]
        fn it_is_one_line_of_json_that_says_the_same(
            system in any::<String>(), asked in prop::collection::vec(any::<String>(), 0..4), answer in any::<String>()
        ) {
            let written = line(&system, asked.iter().map(|text| ("user", text.as_str())), &answer);
            prop_assert!(written.ends_with('\n') && written.matches('\n').count() == 1);
            let read: Value = serde_json::from_str(&written).unwrap();
            let mut messages: Vec<Value> = asked.iter().map(|text| json!({"role": "user", "content": text})).collect();
            if !system.is_empty() {
                messages.insert(0, json!({"role": "system", "content": system}));
            }
            messages.push(json!({"role": "assistant", "content": answer}));
            prop_assert_eq!(read, json!({"messages": messages}));
        }
    }
}
