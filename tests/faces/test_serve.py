"""zoo serve, as apps and operators see it."""

import hashlib
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from base64 import b64decode
from pathlib import Path

import pytest
import requests

from registry.reader import Reader, shipped_registry
from tests.faces.serving import MODEL, change, command, environment, free_port, hold, own_registry, serving
from zoo.cli.read import pick

pytest.importorskip("granian", reason="the extra 'serve' is not installed")
pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

random.seed(7)
SMALL, LARGE, ROTTEN = (random.randbytes(size) for size in (100_000, 5_000_000, 3000))
PICK = f"/v1/pick?device=pixel3&model={MODEL}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return own_registry(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def digests(registry):
    return hold(registry, SMALL, LARGE, rotten=ROTTEN)


@pytest.fixture(scope="module")
def server(registry, digests):
    with serving(registry) as running:
        yield running


@pytest.fixture
def zoo(cli, registry):
    return lambda *arguments: cli(*arguments, "--registry", str(registry), "--json")


def without_urls(document):
    if isinstance(document, list):
        return [without_urls(each) for each in document]
    if isinstance(document, dict):
        return {key: None if key == "url" else without_urls(value) for key, value in document.items()}
    return document


def bytes_of(document) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("device=pixel3", ["--device", "pixel3"]),
        (f"device=sdm845&model={MODEL}", ["--device", "sdm845", "--model", MODEL]),
        ("device=Pixel%203&task=image-classification", ["--device", "Pixel 3", "--task", "image-classification"]),
        (
            f"device=pixel3&model={MODEL}&max_latency_ms=0.001",
            ["--device", "pixel3", "--model", MODEL, "--max-latency-ms", "0.001"],
        ),
        (
            f"device=pixel3&model={MODEL}&max_size=900KB&format=tflite&processor=cpu&threads=4&explain=true",
            ["--device", "pixel3", "--model", MODEL, "--max-size", "900KB", "--format", "tflite", "--processor",
             "cpu", "--threads", "4", "--explain"],
        ),
        (
            f"device=pixel3&model={MODEL}&format=tflite&format=onnx&evidence=same-soc&objective=size&optimistic=true",
            ["--device", "pixel3", "--model", MODEL, "--format", "tflite", "--format", "onnx", "--evidence", "same-soc",
             "--objective", "size", "--optimistic"],
        ),
    ],
)  # fmt: skip
def test_a_pick_is_byte_for_byte_what_the_command_prints_apart_from_addresses(server, zoo, query, options):
    answer = server.get(f"/v1/pick?{query}")
    assert answer.status_code == 200
    assert bytes_of(without_urls(answer.json())) == zoo("pick", "--available", *options).out.encode()


def test_a_pick_may_also_look_at_files_that_nobody_holds(server, zoo):
    answer = server.get("/v1/pick?device=pixel3&model=imagenet-classifier&available=false")
    printed = zoo("pick", "--device", "pixel3", "--model", "imagenet-classifier").out
    assert bytes_of(without_urls(answer.json())) == printed.encode()


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("/v1/devices", ["devices"]),
        ("/v1/devices?kind=mcu&tier=entry", ["devices", "--kind", "mcu", "--tier", "entry"]),
        ("/v1/devices?soc=sdm845", ["devices", "--soc", "sdm845"]),
        ("/v1/devices/Pixel%203", ["devices", "show", "Pixel 3"]),
        ("/v1/models", ["models"]),
        (f"/v1/models/{MODEL}", ["models", "show", MODEL]),
        (f"/v1/models/{MODEL}/variants", ["variants", MODEL]),
    ],
)
def test_a_list_is_what_the_command_prints_apart_from_addresses(server, zoo, path, arguments):
    assert bytes_of(without_urls(server.get(path).json())) == zoo(*arguments).out.encode()


def test_facts_get_the_nearest_device_as_a_profile_file_does(server, zoo, tmp_path):
    facts = {"name": "acme one", "kind": "phone", "ram_bytes": 4_000_000_000,
             "cpu": [{"core": "Cortex-A76", "cores": 4, "clock_hz": 2_800_000_000}]}  # fmt: skip
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(facts))
    printed = zoo("pick", "--available", "--profile", str(file), "--model", MODEL).out.encode()
    answer = server.get(
        f"/v1/pick?name=acme%20one&kind=phone&ram_bytes=4000000000&cpu=4xCortex-A76@2800MHz&model={MODEL}"
    )
    assert bytes_of(without_urls(answer.json())) == printed
    assert answer.json()["device"]["matched_by"] == "facts"


def test_facts_count_where_nobody_knows_the_name(server):
    facts = "kind=phone&ram_bytes=4000000000&cpu=4xCortex-A76@2800MHz"
    unknown = server.get(f"/v1/pick?device=acme%20one&{facts}&model={MODEL}").json()["device"]
    known = server.get(f"/v1/pick?device=pixel3&{facts}&model={MODEL}").json()["device"]
    assert (unknown["name"], unknown["matched_by"]) == ("acme one", "facts")
    assert (known["id"], known["matched_by"]) == ("pixel3", "id")


def test_the_address_in_an_answer_leads_to_the_file(server):
    artifact = server.get(PICK).json()["picks"][0]["artifact"]
    file = server.get(artifact["url"])
    assert hashlib.sha256(file.content).hexdigest() == artifact["sha256"]
    assert len(file.content) == artifact["size_bytes"]


def test_an_answer_that_is_known_is_not_sent_again(server):
    first = server.get(PICK)
    etag = first.headers["ETag"]
    for given in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = server.get(PICK, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert server.get(PICK, headers={"If-None-Match": '"other"'}).content == first.content
    assert server.get(f"{PICK}&objective=size").headers["ETag"] != etag


@pytest.mark.parametrize(
    "path", [PICK, "/v1/devices", "/healthz", "/openapi.json", "/nowhere", "/v1/pick?device=nobody"]
)
def test_head_says_what_get_says_without_the_body(server, path):
    got, head = server.get(path), requests.head(server.url + path, timeout=60)
    assert head.content == b""
    assert head.status_code == got.status_code
    changing = {"date"}
    assert {key: value for key, value in head.headers.items() if key.lower() not in changing} == {
        key: value for key, value in got.headers.items() if key.lower() not in changing
    }


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("device=pixel33", 404, "Did you mean 'pixel3'"),
        ("device=pixel3&model=clothing-clasifier", 404, f"Did you mean '{MODEL}'"),
        ("device=pixel3&task=flying", 404, "Known: "),
        ("device=pixel3&format=exe", 404, "unknown format 'exe'"),
        ("device=pixel3&max_latencyms=5", 422, "Did you mean 'max_latency_ms'?"),
        ("device=pixel3&device=pixel4", 422, "device is given 2 times"),
        ("device=", 422, "device is empty"),
        ("", 404, "Name it with device=ID"),
        ("kind=phone", 404, "Name it with device=ID"),
        ("name=acme", 404, "unknown device 'acme'"),
        ("cpu=Cortex-A76", 422, "something like 4xCortex-A76@2800MHz"),
        ("device=pixel3&max_latency_ms=fast", 422, "max_latency_ms is 'fast'"),
        ("device=pixel3&max_latency_ms=-1", 422, "a number above zero"),
        ("device=pixel3&max_latency_ms=nan", 422, "a number above zero"),
        ("device=pixel3&max_size=big", 422, "max_size is 'big'"),
        ("device=pixel3&threads=0", 422, "threads is '0'"),
        ("device=pixel3&threads=" + "9" * 150, 422, "threads is"),
        ("device=pixel3&processor=brain", 422, "one of cpu, gpu, dsp, npu, nnapi"),
        ("device=pixel3&available=perhaps", 422, "true or false"),
        ("device=" + "x" * 300, 422, "300 characters long"),
        ("device=%ff%fe", 422, "not UTF-8"),
        ("&".join(f"device{number}=1" for number in range(101)), 422, "at most 100 parameters"),
        ("device=" + "a" * 20_000, 414, "at most 16384"),
    ],
)
def test_what_makes_no_sense_gets_a_reason(server, query, status, says):
    answer = server.get(f"/v1/pick?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
    assert answer.json()["status"] == status


def test_the_closest_names_come_as_a_list_too(server):
    assert "pixel3" in server.get("/v1/devices/pixel33").json()["closest"]
    assert server.get("/v1/models/clothing-clasifier").json()["closest"][0] == MODEL


def test_a_name_of_several_devices_lists_their_ids(server):
    answer = server.get("/v1/pick?device=Galaxy%20S10")
    assert answer.status_code == 409
    assert answer.json()["matches"] == ["galaxy-s10-exynos", "galaxy-s10-snapdragon"]


def test_a_file_says_what_it_is_and_never_changes(server, digests):
    answer = server.get(f"/v1/blobs/{digests[0]}")
    assert answer.content == SMALL
    assert answer.headers["ETag"] == f'"sha256:{digests[0]}"'
    assert {"public", "immutable", "max-age=31536000"} <= set(answer.headers["Cache-Control"].split(", "))
    assert answer.headers["Accept-Ranges"] == "bytes"
    algorithm, _, value = answer.headers["Repr-Digest"].partition("=")
    assert (algorithm, b64decode(value.strip(":"))) == ("sha-256", hashlib.sha256(SMALL).digest())


@pytest.mark.parametrize("place", [0, 1])
def test_head_of_a_file_says_what_get_says(server, digests, place):
    path = f"/v1/blobs/{digests[place]}"
    got, head = server.get(path), requests.head(server.url + path, timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert len(got.content) == int(head.headers["Content-Length"])
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=99990-", slice(99_990, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=-99999999", slice(0, None)),
        ("bytes=5-" + "9" * 400, slice(5, None)),
        ("BYTES = 3 - 4", slice(3, 5)),
        ("bytes=0-99999999999", slice(0, None)),
    ],
)
def test_a_part_of_a_file(server, digests, place, given, part):
    data = (SMALL, LARGE)[place]
    answer = server.get(f"/v1/blobs/{digests[place]}", headers={"Range": given})
    start, stop, _ = part.indices(len(data))
    assert (answer.status_code, answer.content) == (206, data[part])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(data)}"
    assert answer.headers["ETag"] == f'"sha256:{digests[place]}"'


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("given", ["bytes=5000000-", "bytes=-0", "bytes=" + "9" * 400 + "-"])
def test_a_part_that_is_not_there(server, digests, place, given):
    answer = server.get(f"/v1/blobs/{digests[place]}", headers={"Range": given})
    assert (answer.status_code, answer.headers["Content-Range"]) == (
        416,
        f"bytes */{len((SMALL, LARGE)[place])}",
    )


@pytest.mark.parametrize(
    "given",
    ["items=0-5", "bytes=5-3", "bytes=-", "bytes=a-b", "bytes=--5", "bytes", "", "bytes=0-1,3-4",
     "bytes=" + ",".join(["0-"] * 3000), "bytes=\t1-2-3"],
)  # fmt: skip
def test_a_range_that_is_not_understood_gets_the_whole_file(server, digests, given):
    answer = server.get(f"/v1/blobs/{digests[0]}", headers={"Range": given})
    assert (answer.status_code, answer.content) == (200, SMALL)


def test_a_part_only_of_the_file_that_was_begun(server, digests):
    path, part = f"/v1/blobs/{digests[0]}", {"Range": "bytes=10-"}
    same = server.get(path, headers={**part, "If-Range": f'"sha256:{digests[0]}"'})
    assert (same.status_code, same.content) == (206, SMALL[10:])
    for other in (f'"sha256:{digests[1]}"', f'W/"sha256:{digests[0]}"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        answer = server.get(path, headers={**part, "If-Range": other})
        assert (answer.status_code, answer.content) == (200, SMALL)


def test_conditions_on_a_file(server, digests):
    path, etag = f"/v1/blobs/{digests[1]}", f'"sha256:{digests[1]}"'
    for given in (etag, f'"a", W/{etag}', "*"):
        answer = server.get(path, headers={"If-None-Match": given, "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert server.get(path, headers={"If-Match": '"other"'}).status_code == 412
    assert server.get(path, headers={"If-Match": etag}).content == LARGE


def test_two_range_headers_are_several_ranges(server, digests):
    answer = server.raw(request(f"GET /v1/blobs/{digests[0]}", "Range: bytes=0-1", "Range: bytes=3-4"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(SMALL)


def test_a_rotten_file_is_never_given_out(server, digests):
    for sha256, fault in ((digests[2], "its bytes have the digest"), (digests[3], "it is not there")):
        for given in ({}, {"Range": "bytes=0-1"}):
            answer = server.get(f"/v1/blobs/{sha256}", headers=given)
            assert answer.status_code == 500
            assert fault in answer.json()["detail"]
            assert "/" not in answer.json()["detail"]
    health = server.get("/healthz").json()
    assert health["health"] == "degraded"
    assert set(health["files"]["faults"]) == set(digests[2:])


def test_a_large_file_that_rots_while_the_server_runs_is_refused(registry, tmp_path):
    own = tmp_path / "own.db"
    shutil.copy(registry, own)
    (sha256,) = hold(own, LARGE)
    with serving(own) as server:
        assert server.get(f"/v1/blobs/{sha256}").content == LARGE
        (own.with_suffix(".blobs") / sha256).write_bytes(LARGE[:-1] + bytes([LARGE[-1] ^ 1]))
        assert server.get(f"/v1/blobs/{sha256}").status_code == 500


def test_a_change_of_the_registry_is_seen(tmp_path):
    own = own_registry(tmp_path)
    with serving(own) as server:
        before = server.get("/v1/models")
        change(own, ("UPDATE model SET title = 'Renamed' WHERE name = ?", (MODEL,)))
        server.wait_for(lambda: "Renamed" in server.get("/v1/models").text)
        after = server.get("/v1/models", headers={"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200
        shutil.copy(shipped_registry(), tmp_path / "new.db")
        (tmp_path / "new.db").replace(own)
        server.wait_for(lambda: server.get("/v1/models").content == before.content)
        assert server.get("/metrics").text.count("zoo_snapshots_total 2") == 1


def test_a_new_question_sees_a_change_at_once(tmp_path):
    own = own_registry(tmp_path)
    with serving(own) as server:
        change(own, ("UPDATE model SET title = 'Renamed' WHERE name = ?", (MODEL,)))
        assert server.get(f"/v1/models/{MODEL}").json()["title"] == "Renamed"


def test_a_registry_that_breaks_is_told_and_what_was_read_still_answers(tmp_path):
    own = own_registry(tmp_path)
    with serving(own) as server:
        before = server.get(PICK).content
        (tmp_path / "bad.db").write_bytes(b"no registry")
        (tmp_path / "bad.db").replace(own)
        server.wait_for(lambda: server.get("/healthz").status_code == 503)
        assert str(tmp_path) not in server.get("/healthz").text
        assert server.get(PICK).content == before
        assert server.get("/v1/models").ok
        shutil.copy(shipped_registry(), tmp_path / "good.db")
        (tmp_path / "good.db").replace(own)
        server.wait_for(lambda: server.get("/healthz").ok)
    assert [each["event"] for each in server.events()].count("registry-unreadable") == 1


def test_a_running_download_is_finished_before_the_server_stops(tmp_path):
    own = own_registry(tmp_path)
    data = random.randbytes(40_000_000)
    (sha256,) = hold(own, data)
    with serving(own) as server:
        answer = server.get(f"/v1/blobs/{sha256}", stream=True)
        parts = answer.iter_content(100_000)
        got = next(parts)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for(lambda: not accepts(server.port))
        got += b"".join(parts)
        assert hashlib.sha256(got).hexdigest() == sha256
        assert server.process.wait(60) == 0
        assert server.events()[-1]["event"] == "stopped"


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: a", *headers, "Connection: close", "", ""]).encode() + body


HOSTILE = {
    "a path upwards": request("GET /v1/blobs/../../../../etc/passwd"),
    "an encoded path upwards": request("GET /v1/blobs/..%2f..%2f..%2fetc%2fpasswd"),
    "a path encoded twice": request("GET /v1/blobs/%252e%252e%252fetc"),
    "a path with a NUL": request("GET /v1/blobs/%00"),
    "a path that is no UTF-8": request("GET /v1/devices/%ff%fe"),
    "a long path": request("GET /v1/devices/" + "a" * 5000),
    "a path longer than all headers may be": request("GET /v1/devices/" + "a" * 70_000),
    "a huge header": request("GET /v1/models", "X: " + "a" * 200_000),
    "many headers": request("GET /v1/models", *["X: a"] * 500),
    "two lengths": request("GET /v1/models", "Content-Length: 1", "Content-Length: 2", body=b"ab"),
    "a length and chunks": request(
        "POST /v1/pick", "Content-Length: 1", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "a body": request("GET /v1/models", "Content-Length: 2", body=b"ab"),
    "a body in chunks": request("POST /v1/pick", "Transfer-Encoding: chunked", body=b"1\r\na\r\n0\r\n\r\n"),
    "a body that never comes": request("POST /v1/pick", "Content-Length: 99999999999"),
    "bad JSON": request("POST /v1/pick", "Content-Type: application/json", "Content-Length: 1", body=b"{"),
    "another method": request("DELETE /v1/models"),
    "another method on a file": request("PUT /v1/blobs/" + "a" * 64),
    "a made-up method": request("BREW /v1/models"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a header without a name": request("GET /v1/models", ": a"),
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
def test_hostile_requests_get_a_reason_and_change_nothing(server, registry, sent):
    folder = sorted(
        (path, path.stat().st_size) for path in registry.parent.rglob("*") if path.suffix != ".log"
    )
    answer = server.raw(sent)
    assert answer.split(b" ")[1].startswith(b"4")
    for secret in (b"root:", b"Traceback", str(registry.parent).encode()):
        assert secret not in answer
    assert server.get("/healthz").ok
    assert folder == sorted(
        (path, path.stat().st_size) for path in registry.parent.rglob("*") if path.suffix != ".log"
    )
    assert "bug" not in {each["event"] for each in server.events()}


def listing(folder: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_size) for path in folder.rglob("*") if path.suffix != ".log")


def test_many_slow_clients_keep_nobody_waiting(server):
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for each in slow:
            each.sendall(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        assert server.get(PICK).ok
    finally:
        for each in slow:
            each.close()


def test_many_who_ask_the_same_at_once_get_the_same(server):
    found = []
    path = f"/v1/pick?device=pixel4&model={MODEL}&max_latency_ms=31.5"
    threads = [threading.Thread(target=lambda: found.append(server.get(path).content)) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 20
    assert len(set(found)) == 1


def test_counters_are_as_prometheus_reads_them(server):
    for _ in range(3):
        server.get(PICK)
    text = server.get("/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert int(values['zoo_requests_total{route="pick",status="200"}']) >= 3
    assert int(values["zoo_answers_from_memory_total"]) >= 2
    assert values['zoo_request_seconds_bucket{le="+Inf"}'] == values["zoo_request_seconds_count"]


def test_every_request_is_logged_only_where_asked_for_and_never_its_query(registry, server):
    assert {each["event"] for each in server.events()} <= {
        "listening",
        "snapshot",
        "file-refused",
        "server",
        "refused",
    }
    with serving(registry, "--access-log") as other:
        other.get(f"{PICK}&objective=latency")
        other.wait_for(lambda: any(each.get("route") == "pick" for each in other.events()))
        assert "objective" not in other.log.read_text()


def test_two_workers_give_the_same_answers(registry, server):
    with serving(registry, "--workers", "2") as other:
        assert {other.get(PICK).headers["ETag"] for _ in range(10)} == {server.get(PICK).headers["ETag"]}


def test_nginx_is_told_where_the_file_lies(registry, digests):
    with serving(registry, "--accel-redirect", "/accel/") as server:
        answer = server.get(f"/v1/blobs/{digests[0]}")
        assert (answer.headers["X-Accel-Redirect"], answer.content) == (f"/accel/{digests[0]}", b"")
        assert server.get(f"/v1/blobs/{digests[2]}").status_code == 500


def run(arguments: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        arguments, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr


def test_an_address_that_others_can_reach_wants_a_proxy(registry):
    code, said = run(command(registry, 8000, "--host", "0.0.0.0"))
    assert code == 2
    assert "--behind-proxy" in said


def test_a_port_that_is_taken(registry, server):
    code, said = run(command(registry, server.port))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{server.port}" in said


def test_a_registry_that_is_not_there(tmp_path):
    code, said = run(command(tmp_path / "none.db", free_port()))
    assert code == 1
    assert "there is no registry" in said


def test_without_the_extra_the_remedy_is_said(registry):
    code = "import sys; sys.modules['granian'] = None; from zoo.cli import main; main()"
    returned, said = run([sys.executable, "-c", code, "serve", "--registry", str(registry)])
    assert returned == 1
    assert said.count("\n") == 1
    assert "pip install 'device-zoo[serve]'" in said


def test_other_commands_load_nothing_of_the_server():
    code = "import sys, zoo.cli; print(sorted({'fastapi', 'granian', 'zoo.server'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_option_of_the_command_is_a_parameter(server):
    known = {
        each["name"] for each in server.get("/openapi.json").json()["paths"]["/v1/pick"]["get"]["parameters"]
    }
    words = {"formats": "format", "processors": "processor", "profile": "cpu"}
    wanted = {words.get(each, each) for each in pick.__annotations__} - {"return", "registry", "as_json"}
    assert wanted <= known


def test_a_channel_gives_a_device_what_its_key_and_class_are_offered(cli, tmp_path):
    own = own_registry(tmp_path)
    with Reader(own) as opened:
        held = [name for name, each in opened.variants(MODEL).items() if each.availability == "held"]
    for arguments in (("promote", held[0]), ("rollout", held[1], "--percent", "50")):
        assert cli(*arguments, "-m", MODEL, "-c", "stable", "--registry", str(own)).code == 0
    with serving(own) as server:
        asked = (
            f"/v1/pick?device=pixel3&model={MODEL}&max_latency_ms=1000000&evidence=predicted&channel=stable"
        )
        keys = {
            each: server.get(f"{asked}&key={each}").json()
            for each in ("a", "b", "c", "d", "e", "f", "g", "h")
        }
        picked = {key: found["picks"][0]["variant"] for key, found in keys.items() if found["picks"]}
        assert set(picked.values()) <= set(held[:2])
        for key, found in keys.items():
            same = (
                "--max-latency-ms",
                "1000000",
                "--available",
                "--channel",
                "stable",
                "--key",
                key,
                "--json",
            )
            command = cli("pick", "-d", "pixel3", "-m", MODEL, *same, "--registry", str(own))
            assert [each["variant"] for each in json.loads(command.out)["picks"]] == [
                each["variant"] for each in found["picks"]
            ]
        assert server.get(f"/v1/pick?device=pixel3&model={MODEL}&channel=stabel").status_code == 404
        assert server.get(f"/v1/pick?device=pixel3&model={MODEL}&key=a").status_code == 400


def test_the_shipped_registry_is_left_as_it_was():
    assert not Path(f"{shipped_registry()}-journal").exists()
