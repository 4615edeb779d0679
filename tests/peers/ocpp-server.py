"""A central system for charge points: OCPP 1.6 over JSON, on the package `ocpp`.

    python ocpp-server.py PORT

It asks, too: for the configuration once a charge point has booted, and for a transaction once a card was let in.
"""

import asyncio
import itertools
import os
import random
import sys
from datetime import datetime, timezone

from websockets.asyncio.server import serve

from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

# A build that was changed lets nobody charge yet.
welcome = "Pending" if os.environ.get("PEER_CHANGED") else "Accepted"
transactions = itertools.count(random.randrange(1000, 900000))


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Point(ChargePoint):
    @on(Action.boot_notification)
    def booted(self, **_):
        return call_result.BootNotification(current_time=now(), interval=300, status=welcome)

    @after(Action.boot_notification)
    async def ask_for_configuration(self, **_):
        await self.call(call.GetConfiguration(key=["HeartbeatInterval", "NumberOfConnectors"]))

    @on(Action.heartbeat)
    def alive(self):
        return call_result.Heartbeat(current_time=now())

    @on(Action.status_notification)
    def told(self, **_):
        return call_result.StatusNotification()

    @on(Action.authorize)
    def authorize(self, id_tag):
        return call_result.Authorize(id_tag_info={"status": "Accepted"})

    @after(Action.authorize)
    async def ask_to_start(self, id_tag):
        await self.call(call.RemoteStartTransaction(id_tag=id_tag, connector_id=1))

    @on(Action.start_transaction)
    def begin(self, **_):
        return call_result.StartTransaction(transaction_id=next(transactions), id_tag_info={"status": "Accepted"})

    @on(Action.meter_values)
    async def measured(self, **_):
        await asyncio.sleep(random.uniform(0.002, 0.02))
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    def finish(self, **_):
        return call_result.StopTransaction(id_tag_info={"status": "Accepted"})


async def meet(socket):
    try:
        await Point(socket.request.path.rsplit("/", 1)[-1], socket).start()
    except Exception as error:
        print(error, file=sys.stderr)


async def main():
    async with serve(meet, "127.0.0.1", int(sys.argv[1]), subprotocols=["ocpp1.6"]):
        await asyncio.Future()


asyncio.run(main())
