"""A server that answers as model backends do, by their public documentation: chat completions and responses as OpenAI
streams them, and messages as Anthropic streams them. There is no model behind it: whoever asks about weather gets a tool call, whoever brings
what the tool said gets words.

    python models-server.py PORT
"""

import json
import os
import random
import string
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# A build that was changed forgets what an answer cost, and that a block ends.
is_changed = bool(os.environ.get("PEER_CHANGED"))
closings = ["Take a coat.", "It is a fine day.", "Better stay inside.", "Have a look yourself."]


def name(prefix):
    return prefix + "".join(random.choices(string.ascii_letters + string.digits, k=24))


def pieces(text):
    """Words as tokens come: with the space before them."""
    words = text.split(" ")
    return [words[0]] + [" " + word for word in words[1:]]


def cut(text, longest=7):
    while text:
        length = random.randint(1, longest)
        yield text[:length]
        text = text[length:]


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {
            "/v1/chat/completions": self.completions,
            "/v1/responses": self.said_in_parts,
            "/v1/messages": self.messages,
        }.get(self.path)
        if answer is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in answer(asked):
            time.sleep(random.uniform(0.002, 0.02))
            self.write(block)
        self.write("")

    def write(self, block):
        data = block.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def completions(self, asked):
        head = {
            "id": name("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": asked["model"],
            "service_tier": "default",
            "system_fingerprint": "fp_" + "%010x" % random.getrandbits(40),
        }
        count = 0

        def chunk(delta=None, finish=None, **more):
            choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
            return "data: " + json.dumps({**head, "choices": choices, **more}, ensure_ascii=False) + "\n\n"

        last = asked["messages"][-1]
        if last["role"] == "tool":
            yield chunk({"role": "assistant", "content": "", "refusal": None}, usage=None)
            for piece in pieces(f"The weather: {last['content']}. {random.choice(closings)}"):
                count += 1
                yield chunk({"content": piece}, usage=None)
            yield chunk({}, "stop", usage=None)
        else:
            call = {"index": 0, "id": name("call_"), "type": "function"}
            call["function"] = {"name": asked["tools"][0]["function"]["name"], "arguments": ""}
            yield chunk({"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}, usage=None)
            for part in cut(json.dumps({"city": last["content"].split()[-1].strip("?")})):
                count += 1
                yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}, usage=None)
            yield chunk({}, "tool_calls", usage=None)
        if asked.get("stream_options", {}).get("include_usage") and not is_changed:
            prompt = len(json.dumps(asked["messages"])) // 4
            usage = {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}
            yield chunk(usage=usage)
        yield "data: [DONE]\n\n"

    def said_in_parts(self, asked):
        number = -1

        def event(kind, **data):
            nonlocal number
            number += 1
            data = {"type": kind, "sequence_number": number, **data}
            return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"

        response = {
            "id": name("resp_"),
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "model": asked["model"],
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": asked["tools"],
            "usage": None,
        }
        yield event("response.created", response=response)
        yield event("response.in_progress", response=response)
        last = asked["input"][-1]
        if last.get("type") == "function_call_output":
            item = {"id": name("msg_"), "type": "message", "status": "in_progress", "role": "assistant", "content": []}
            yield event("response.output_item.added", output_index=0, item=item)
            place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
            part = {"type": "output_text", "text": "", "annotations": []}
            yield event("response.content_part.added", **place, part=part)
            words = pieces(f"The weather: {last['output']}. {random.choice(closings)}")
            for word in words:
                yield event("response.output_text.delta", **place, delta=word, logprobs=[])
            text = "".join(words)
            yield event("response.output_text.done", **place, text=text, logprobs=[])
            part = {**part, "text": text}
            yield event("response.content_part.done", **place, part=part)
            item = {**item, "status": "completed", "content": [part]}
        else:
            item = {"id": name("fc_"), "type": "function_call", "status": "in_progress", "call_id": name("call_")}
            item |= {"name": asked["tools"][0]["name"], "arguments": ""}
            yield event("response.output_item.added", output_index=0, item=item)
            arguments = json.dumps({"city": last["content"].split()[-1].strip("?")})
            place = {"item_id": item["id"], "output_index": 0}
            for part in cut(arguments):
                yield event("response.function_call_arguments.delta", **place, delta=part)
            yield event(
                "response.function_call_arguments.done", **place, name=item["name"], arguments=arguments
            )
            item = {**item, "status": "completed", "arguments": arguments}
        yield event("response.output_item.done", output_index=0, item=item)
        told = len(json.dumps(asked["input"])) // 4
        usage = {"input_tokens": told, "output_tokens": number, "total_tokens": told + number}
        usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        response = {**response, "status": "completed", "output": [item]}
        if not is_changed:
            response["usage"] = usage
        yield event("response.completed", response=response)

    def messages(self, asked):
        def event(kind, **data):
            return f"event: {kind}\ndata: {json.dumps({'type': kind, **data}, ensure_ascii=False)}\n\n"

        def block(index, start, deltas):
            yield event("content_block_start", index=index, content_block=start)
            if index == 0:
                yield event("ping")
            for delta in deltas:
                yield event("content_block_delta", index=index, delta=delta)
            if not is_changed:
                yield event("content_block_stop", index=index)

        def words(text):
            return [{"type": "text_delta", "text": piece} for piece in pieces(text)]

        last = asked["messages"][-1]["content"]
        message = {"id": name("msg_"), "type": "message", "role": "assistant", "model": asked["model"], "content": []}
        usage = {"input_tokens": len(json.dumps(asked["messages"])) // 4, "output_tokens": 1}
        yield event(
            "message_start", message={**message, "stop_reason": None, "stop_sequence": None, "usage": usage}
        )
        if isinstance(last, list):
            said = f"The weather: {last[0]['content']}. {random.choice(closings)}"
            yield from block(0, {"type": "text", "text": ""}, words(said))
        else:
            said = "I will look at " + random.choice(["the forecast", "a map", "the window"]) + " for you."
            yield from block(0, {"type": "text", "text": ""}, words(said))
            tool = {"type": "tool_use", "id": name("toolu_"), "name": asked["tools"][0]["name"], "input": {}}
            parts = ["", *cut(json.dumps({"city": last.split()[-1].strip("?")}))]
            yield from block(1, tool, [{"type": "input_json_delta", "partial_json": part} for part in parts])
        stop = "end_turn" if isinstance(last, list) else "tool_use"
        yield event(
            "message_delta",
            delta={"stop_reason": stop, "stop_sequence": None},
            usage={"output_tokens": len(said.split(" "))},
        )
        yield event("message_stop")

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
