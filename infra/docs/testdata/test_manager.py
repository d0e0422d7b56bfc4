"""Tests the guide's TokenManager, saved as manager.py, with a stand-in for an API that loses responses, refuses and is unavailable.

manager_test.go runs these tests.
"""

import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import httpx

import manager

LIFE = 1000  # seconds, of an access token


class Api:
    """One session as in the contract: a refresh raises the generation, and the previous token returns the same pair again."""

    def __init__(self, life=LIFE):
        self.life = life
        self.generation = 0
        self.refreshes = []  # refresh tokens received, in order
        self.requests = []  # access tokens received, in order
        self.refused = set()  # access tokens to refuse
        self.faults = []  # of the next refreshes: an exception after the refresh, or a response instead of it
        self.ended = False
        self.together = None  # a barrier for requests
        self.meanwhile = lambda: None  # called during a refresh

    def __call__(self, request):
        match request.url.path:
            case "/api/auth/login":
                return self.pair()
            case "/api/auth/refresh":
                return self.refresh(self.sent_token(request))
            case "/api/auth/logout":
                self.ended = self.sent_token(request) == f"refresh-{self.generation}"
                return httpx.Response(200)
            case _:
                return self.use(request.headers["Authorization"].removeprefix("Bearer "))

    @staticmethod
    def sent_token(request):
        return httpx.Response(200, content=request.content).json()["refresh_token"]

    def pair(self):
        tokens = {"access_token": f"access-{self.generation}", "refresh_token": f"refresh-{self.generation}"}
        return httpx.Response(200, json=tokens | {"token_type": "bearer", "expires_in": self.life})

    def refresh(self, token):
        self.refreshes.append(token)
        self.meanwhile()
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, httpx.Response):
            return fault
        if self.ended:
            return httpx.Response(403)
        if self.together:
            threading.Event().wait(0.2)  # time for a second refresh to arrive
        if token == f"refresh-{self.generation}":
            self.generation += 1
        elif token != f"refresh-{self.generation - 1}":
            return httpx.Response(403)
        if fault:
            raise fault
        return self.pair()

    def use(self, token):
        self.requests.append(token)
        if self.together:
            self.together.wait(timeout=60)
        return httpx.Response(401 if token in self.refused or self.ended else 200)


class TokenManagerTest(unittest.TestCase):
    def setUp(self):
        self.now = 5000.0
        self.pauses = []
        for name, stand_in in (("monotonic", lambda: self.now), ("sleep", self.pauses.append)):
            patch = mock.patch.object(manager.time, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)
        self.sign_in(Api())

    def sign_in(self, api):
        self.api = api
        client = httpx.Client(base_url="http://api.example", transport=httpx.MockTransport(api))
        self.addCleanup(client.close)
        self.manager = manager.TokenManager(client)
        self.manager.login("ada", "SecurePass123!")

    def request(self):
        return self.manager.request("GET", "/things").status_code

    def test_refreshes_before_the_expiry(self):
        for life, fresh in ((1000, 700), (60, 30)):
            with self.subTest(life=life):
                self.sign_in(Api(life))
                self.now += fresh - 1
                self.request()
                self.now += 1
                self.request()
                self.assertEqual(self.api.requests, ["access-0", "access-1"])

    def test_the_lifetime_starts_before_the_request(self):
        def pass_time():
            self.now += 10

        self.now += LIFE
        sent = self.now
        self.api.meanwhile = pass_time
        self.request()
        self.now = sent + 700
        self.request()
        self.assertEqual(self.api.requests, ["access-1", "access-2"])

    def test_keeps_the_new_refresh_token(self):
        for _ in range(3):
            self.now += LIFE
            self.assertEqual(self.request(), 200)
        self.assertEqual(self.api.refreshes, ["refresh-0", "refresh-1", "refresh-2"])

    def test_a_refused_token_is_replaced_and_the_request_repeated(self):
        self.api.refused = {"access-0"}
        self.assertEqual(self.request(), 200)
        self.assertEqual(self.api.requests, ["access-0", "access-1"])

    def test_a_request_is_repeated_only_once(self):
        self.api.refused = {"access-0", "access-1", "access-2"}
        self.assertEqual(self.request(), 401)
        self.assertEqual(self.api.requests, ["access-0", "access-1"])

    def test_a_lost_response_is_requested_again(self):
        self.now += LIFE
        self.api.faults = [httpx.ReadError("lost"), httpx.ReadTimeout("lost")]
        self.assertEqual(self.request(), 200)
        self.assertEqual(self.api.refreshes, ["refresh-0"] * 3)
        self.assertEqual(self.api.requests, ["access-1"])

    def test_waits_as_retry_after_says_up_to_a_limit(self):
        self.now += LIFE
        self.api.faults = [httpx.Response(503, headers={"Retry-After": "2"}), httpx.Response(429, headers={"Retry-After": "60"})]
        self.assertEqual(self.request(), 200)
        self.assertEqual(self.pauses, [2, self.manager.LONGEST_PAUSE])

    def test_a_lasting_failure_is_an_error_and_the_session_survives(self):
        for fault, error in ((httpx.ConnectError("unavailable"), httpx.ConnectError), (httpx.Response(503), httpx.HTTPStatusError)):
            with self.subTest(error=error):
                self.sign_in(Api())
                self.now += LIFE
                self.api.faults = [fault] * self.manager.ATTEMPTS
                self.assertRaises(error, self.request)
                self.assertEqual(self.request(), 200)

    def test_an_ended_session_is_not_refreshed_again(self):
        self.api.ended = True
        for _ in range(2):
            self.assertRaises(manager.SignedOut, self.request)
        self.assertEqual(self.api.refreshes, ["refresh-0"])

    def test_logout_ends_the_session_and_removes_the_tokens(self):
        self.manager.logout()
        self.assertTrue(self.api.ended)
        self.assertRaises(manager.SignedOut, self.request)
        self.manager.logout()

    def test_of_many_refused_threads_one_refreshes(self):
        many = 16
        self.api.refused = {"access-0"}
        self.api.together = threading.Barrier(many)  # all threads send the old token before one is refused
        with ThreadPoolExecutor(many) as pool:
            statuses = [future.result() for future in [pool.submit(self.request) for _ in range(many)]]
        self.assertEqual(statuses, [200] * many)
        self.assertEqual(self.api.refreshes, ["refresh-0"])


if __name__ == "__main__":
    unittest.main()
