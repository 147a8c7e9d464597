import asyncio

from chassis import ending
from chassis.ending import end


async def test_a_task_that_has_not_heard_its_cancellation_is_told_again() -> None:
    heard = 0

    async def deaf() -> None:
        nonlocal heard
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(ending.AGAIN_SECONDS + 2):
        await end(task)

    assert (heard, task.cancelled()) == (1, True)


async def test_a_fault_of_the_task_does_not_become_that_of_whoever_ends_it() -> None:
    async def failing() -> None:
        raise OSError

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await end(task)

    assert isinstance(task.exception(), OSError)
