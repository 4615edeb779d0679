"""Asks for the weather on OpenAI's own client: a streamed tool call, then a streamed answer to what the tool said.

    python openai-client.py URL
"""

import random
import sys
import time

from openai import OpenAI

client = OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="nobody looks at it", max_retries=0)
tool = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(messages):
    words, calls = "", {}
    for chunk in client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, tools=[tool], stream=True, stream_options={"include_usage": True}
    ):
        for choice in chunk.choices:
            words += choice.delta.content or ""
            for part in choice.delta.tool_calls or []:
                call = calls.setdefault(part.index, {"id": part.id, "name": part.function.name, "arguments": ""})
                call["arguments"] += part.function.arguments
    return words, list(calls.values())


city = random.choice(["Oslo", "Lima", "Kyoto", "Accra", "Perth"])
messages = [{"role": "user", "content": f"{random.choice(['How is', 'What is'])} the weather in {city}?"}]
_, (call,) = ask(messages)
time.sleep(random.uniform(0.005, 0.1))
function = {"name": call["name"], "arguments": call["arguments"]}
messages += [
    {"role": "assistant", "tool_calls": [{"id": call["id"], "type": "function", "function": function}]},
    {"role": "tool", "tool_call_id": call["id"], "content": f"{random.randint(-9, 35)} degrees"},
]
words, _ = ask(messages)
print(words)
