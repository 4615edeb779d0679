"""A client of a WAMP router, on autobahn: it offers a procedure and calls it, listens to a topic and publishes to it.

    python wamp-client.py URL json|msgpack
"""

import asyncio
import random
import sys

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import CallOptions, PublishOptions, RegisterOptions

words = ["bread", "milk", "apples", "a letter", "two stamps", "rope", "honey"]


class Shopper(ApplicationSession):
    async def onJoin(self, details):
        heard = asyncio.Queue()

        async def price(goods, count, details=None):
            if goods == "rope":
                raise ApplicationError("town.error.sold_out", goods)
            for step in range(count if details.progress else 0):
                details.progress(step + 1)
            return {"goods": goods, "pence": 10 * count}

        procedure = await self.register(price, "town.shop.price", options=RegisterOptions(details_arg="details"))
        topic = await self.subscribe(lambda **news: heard.put_nowait(news), "town.news")
        acknowledged = PublishOptions(acknowledge=True, exclude_me=False)
        for _ in range(random.randint(2, 4)):
            await asyncio.sleep(random.uniform(0.005, 0.1))
            goods = random.choice(words)
            try:
                answer = await self.call("town.shop.price", goods, random.randint(1, 9))
                await self.publish("town.news", text=f"{goods} for {answer['pence']}", options=acknowledged)
                await heard.get()
            except ApplicationError:
                pass
        await self.call("town.shop.price", "tea", 3, options=CallOptions(on_progress=lambda step: None))
        await topic.unsubscribe()
        await procedure.unregister()
        self.leave()

    def onDisconnect(self):
        asyncio.get_event_loop().stop()


serializer = {"json": JsonSerializer, "msgpack": MsgPackSerializer}[sys.argv[2]]
ApplicationRunner(sys.argv[1], "town", serializers=[serializer()]).run(Shopper)
