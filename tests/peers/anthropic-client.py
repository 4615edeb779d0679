"""Asks for the weather on Anthropic's own client: a streamed tool call, then a streamed answer to what the tool said.

    python anthropic-client.py URL
"""

import random
import sys
import time

from anthropic import Anthropic

client = Anthropic(base_url=sys.argv[1], api_key="nobody looks at it", max_retries=0)
tool = {
    "name": "weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def ask(messages):
    with client.messages.stream(
        model="claude-any", max_tokens=500, tools=[tool], messages=messages
    ) as stream:
        return stream.get_final_message()


city = random.choice(["Oslo", "Lima", "Kyoto", "Accra", "Perth"])
messages = [{"role": "user", "content": f"{random.choice(['How is', 'What is'])} the weather in {city}?"}]
first = ask(messages)
call = next(block for block in first.content if block.type == "tool_use")
time.sleep(random.uniform(0.005, 0.1))
said = {"type": "tool_result", "tool_use_id": call.id, "content": f"{random.randint(-9, 35)} degrees"}
second = ask([*messages, {"role": "assistant", "content": first.content}, {"role": "user", "content": [said]}])
print(second.content[0].text)
