"""Asks for the weather on OpenAI's own client, by responses: a streamed call of a function, then a streamed answer to what it said.

    python responses-client.py URL
"""

import random
import sys
import time

from openai import OpenAI

client = OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="nobody looks at it", max_retries=0)
tool = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def ask(said):
    with client.responses.stream(model="gpt-4o-mini", input=said, tools=[tool]) as stream:
        for _ in stream:
            pass
        return stream.get_final_response()


city = random.choice(["Oslo", "Lima", "Kyoto", "Accra", "Perth"])
said = [{"role": "user", "content": f"{random.choice(['How is', 'What is'])} the weather in {city}?"}]
call = ask(said).output[0]
time.sleep(random.uniform(0.005, 0.1))
asked = {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
degrees = f"{random.randint(-9, 35)} degrees"
answer = ask([*said, asked, {"type": "function_call_output", "call_id": call.call_id, "output": degrees}])
print(answer.output_text)
