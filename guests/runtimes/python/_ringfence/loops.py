"""An event loop for a world with one thread and no sockets: it runs what is ready and sleeps until the next timer."""

import asyncio
import errno
import time

from _ringfence import fences


class _Waiting:
    """Stands where a selector would: nothing ever becomes readable, so to select is to sleep."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("this would wait for ever: nothing is scheduled, and nothing can arrive from outside")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self):
        pass


class Loop(asyncio.base_events.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self._selector = _Waiting()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    async def subprocess_exec(self, *_, **__):
        raise OSError(errno.ENOTSUP, fences.PROCESSES)

    subprocess_shell = subprocess_exec

    def add_signal_handler(self, sig, callback, *args):
        raise NotImplementedError(fences.SIGNALS)

    def run_in_executor(self, executor, func, *args):
        """There is no other thread: it is done at once."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class _Policy(asyncio.events._BaseDefaultEventLoopPolicy):
    _loop_factory = Loop


def install():
    asyncio.events._event_loop_policy = _Policy()
