"""Attempts at the door itself: without a key, with another's, too often, too large, in other words."""

import asyncio
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit
from uuid import uuid4

from nats.errors import Error as NatsError

from deploy.keys import new_seed
from tests.trust.worlds import World, login

TOO_MANY = 30
_WEBSOCKET = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_MQTT = b"\x10\x10\x00\x04MQTT\x04\x02\x00<\x00\x04test"
_LEAF = b'CONNECT {"leaf":true,"server_id":"x","name":"x","account":"PLATFORM"}\r\nPING\r\n'
_ROUTE = b'INFO {"server_id":"x","server_name":"x","cluster":"x"}\r\nPING\r\n'


async def comes_without_a_key(world: World) -> bool:
    return await _is_let_in(world, b'CONNECT {"verbose":false}\r\nPING\r\n')


async def comes_with_a_password(world: World) -> bool:
    return await _is_let_in(world, b'CONNECT {"user":"sys","pass":"sys"}\r\nPING\r\n')


async def comes_with_a_key_nobody_registered(world: World) -> bool:
    with suppress(NatsError, OSError):
        async with login(world.url, nkeys_seed_str=new_seed()):
            return True
    return False


async def comes_with_anothers_public_key(world: World) -> bool:
    """Public keys are no secret; what is missing is the signature over the server's nonce."""
    known = world.victim._public_nkey or ""
    connect = f'CONNECT {{"nkey":"{known}","sig":"{"A" * 86}"}}\r\nPING\r\n'
    return await _is_let_in(world, connect.encode())


async def comes_as_a_browser(world: World) -> bool:
    return await _is_let_in(world, _WEBSOCKET)


async def comes_as_a_sensor(world: World) -> bool:
    return await _is_let_in(world, _MQTT)


async def comes_as_a_leaf_node(world: World) -> bool:
    return await _is_let_in(world, _LEAF)


async def comes_as_another_server(world: World) -> bool:
    return await _is_let_in(world, _ROUTE)


async def comes_too_often(world: World) -> bool:
    """More connections than an organisation may have: the machine's would run out."""
    async with AsyncExitStack() as stack:
        opened = 0
        for _ in range(TOO_MANY):
            with suppress(NatsError, OSError):
                await stack.enter_async_context(world.again())
                opened += 1
        return opened == TOO_MANY


async def sends_too_much_at_once(world: World) -> bool:
    """Eight times what a message may hold."""
    size = 8 * 1024 * 1024
    async with world.again() as one:
        with suppress(NatsError, OSError):
            await one.client._send_command(b"PUB in.x.y.v1 %d\r\n" % size)
            await one.client._send_command(bytes(size) + b"\r\n")
            await one.client.flush(1)
            return True
        return False


async def sends_an_endless_line(world: World) -> bool:
    return await _is_let_in(world, b'CONNECT {"x":"' + b"a" * 20_000 + b'"}\r\nPING\r\n')


async def sends_what_is_no_subject(world: World) -> bool:
    """Empty tokens, spaces and line breaks could end one command and begin another."""
    name = uuid4().hex
    target = f"in.{world.other}.{name}.v1"
    for subject in (f"in.{world.other}..{name}", f" {target}", f"x 0\r\n\r\nPUB {target}"):
        async with world.again() as one:
            await one.client._send_command(f"PUB {subject} 0\r\n\r\n".encode())
            with suppress(NatsError, OSError):
                await one.client.flush(1)
    return await world.count(target, f"IN_{world.other}") > 0


async def _is_let_in(world: World, opening: bytes) -> bool:
    place = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        await reader.readline()
        writer.write(opening)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(400), 2)
        return b"PONG" in answer or b"101 Switching" in answer or answer[:1] == b"\x20"
    except (TimeoutError, OSError):
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
