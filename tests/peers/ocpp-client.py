"""A charge point that boots, lets a card in, charges for a moment and leaves: OCPP 1.6, on the package `ocpp`.

    python ocpp-client.py URL
"""

import asyncio
import random
import sys
from datetime import datetime, timezone

from websockets.asyncio.client import connect

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Point(ChargePoint):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.configured, self.wanted = asyncio.Event(), asyncio.Event()

    @on(Action.get_configuration)
    def configuration(self, key):
        self.configured.set()
        values = {"HeartbeatInterval": "300", "NumberOfConnectors": "2"}
        return call_result.GetConfiguration(
            configuration_key=[{"key": name, "readonly": True, "value": values[name]} for name in key]
        )

    @on(Action.remote_start_transaction)
    def remote_start(self, **_):
        self.wanted.set()
        return call_result.RemoteStartTransaction(status="Accepted")

    async def pause(self):
        await asyncio.sleep(random.uniform(0.005, 0.1))

    async def charge(self):
        model = random.choice(["Garage 22", "Street 11", "Yard 50"])
        await self.call(call.BootNotification(charge_point_model=model, charge_point_vendor="Example"))
        await self.configured.wait()
        await self.pause()
        await self.call(call.StatusNotification(connector_id=1, error_code="NoError", status="Available"))
        await self.call(call.Heartbeat())
        await self.pause()
        card = f"{random.randrange(1 << 32):08X}"
        await self.call(call.Authorize(id_tag=card))
        await self.wanted.wait()
        await self.pause()
        meter = random.randrange(100000)
        started = await self.call(
            call.StartTransaction(connector_id=1, id_tag=card, meter_start=meter, timestamp=now())
        )
        for _ in range(random.randint(2, 6)):
            await self.pause()
            meter += random.randrange(1, 50)
            sample = {"value": str(meter), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
            await self.call(
                call.MeterValues(
                    connector_id=1,
                    transaction_id=started.transaction_id,
                    meter_value=[{"timestamp": now(), "sampled_value": [sample]}],
                )
            )
        await self.pause()
        await self.call(
            call.StopTransaction(meter_stop=meter, timestamp=now(), transaction_id=started.transaction_id, id_tag=card)
        )


async def main():
    name = f"CP-{random.randrange(10000):04}"
    async with connect(f"{sys.argv[1]}/{name}", subprotocols=["ocpp1.6"]) as socket:
        point = Point(name, socket)
        listener = asyncio.ensure_future(point.start())
        await point.charge()
        await asyncio.sleep(0.02)
        listener.cancel()


asyncio.run(main())
