import asyncio


async def fetch(name, wait, fail=False):
    await asyncio.sleep(wait)
    if fail:
        raise ConnectionError(f"{name} is down")
    return f"{name}:{len(name)}"


async def produce(queue):
    for n in range(5):
        await queue.put(n)
        await asyncio.sleep(0)
    await queue.put(None)


async def consume(queue, seen):
    while (item := await queue.get()) is not None:
        seen.append(item * item)


async def ticker(count):
    for n in range(count):
        yield n
        await asyncio.sleep(0.001)


async def main():
    print(await asyncio.gather(fetch("slow", 0.03), fetch("fast", 0.01), fetch("bad", 0.02, True), return_exceptions=True))
    queue, seen = asyncio.Queue(maxsize=2), []
    await asyncio.gather(produce(queue), consume(queue, seen))
    print(seen, [n async for n in ticker(3)])
    try:
        await asyncio.wait_for(fetch("late", 10), 0.01)
    except asyncio.TimeoutError as error:
        print("timed out", type(error).__name__)
    gate = asyncio.Semaphore(2)
    order = []

    async def limited(n):
        async with gate:
            order.append(f"+{n}")
            await asyncio.sleep(0.005 * (n + 1))
            order.append(f"-{n}")

    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(limited(n))
    print(order)
    task = asyncio.create_task(asyncio.sleep(5))
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", task.cancelled())
    done = [await first for first in asyncio.as_completed([fetch("b", 0.02), fetch("aa", 0.005)])]
    print(done)


asyncio.run(main())
