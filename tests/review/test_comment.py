"""The one comment of a review: where it goes, what it holds, what is not believed."""

import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from review import comment, pictures
from review.forge import MARKER
from stages.core.errors import UserError
from tests.forge_server import BOT, REPOSITORY, Server

SHA = "a" * 40


def png(colour: int = 0) -> bytes:
    """A grey picture of one pixel."""

    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes([0, colour]))
    return pictures.PNG + part(b"IHDR", header) + part(b"IDAT", body) + part(b"IEND", b"")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a reviewing job left."""
    folder = tmp_path / "review"
    (folder / "plots").mkdir(parents=True)
    (folder / "number").write_text("12\n")
    (folder / "review.md").write_text(f"{MARKER}\n## Review\n\nbetter, says @author\n")
    return folder


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository, and the bare one that it pushes to."""
    for command in (["init", "-q", "--bare", "origin.git"], ["init", "-q", "work"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    subprocess.run(["git", "remote", "add", "origin", "../origin.git"], cwd=tmp_path / "work", check=True)
    return tmp_path / "work"


def given(forge: Server, **changes: str) -> dict[str, str]:
    """The environment of the commenting job."""
    return {
        "GITHUB_API_URL": forge.url,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_TOKEN": "t",
        "GITHUB_REPOSITORY": REPOSITORY,
        "RUN_REPOSITORY": REPOSITORY,
        "RUN_SHA": SHA,
        "RUN_URL": "https://github.com/team/models/actions/runs/5",
    } | changes


def in_origin(work: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=work.parent / "origin.git", capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_comment_is_created_once_then_updated(forge: Server, folder: Path) -> None:
    forge.open_pull(12, SHA)
    forge.add(f"{MARKER}\n a quotation", "someone")
    assert comment.on_github(folder, given(forge)) == "created"
    assert comment.on_github(folder, given(forge)) == "unchanged"
    (folder / "review.md").write_text(f"{MARKER}\n## Review\n\nworse\n")
    assert comment.on_github(folder, given(forge)) == "updated"
    assert forge.bodies() == [
        f"{MARKER}\n a quotation",
        f"{MARKER}\n## Review\n\nworse\n\n"
        "[The whole review as a web page: artifact of this run](https://github.com/team/models/actions/runs/5)\n",
    ]


def test_it_is_found_among_more_comments_than_a_page_holds(forge: Server, folder: Path) -> None:
    forge.open_pull(12, SHA)
    for number in range(150):
        forge.add(f"remark {number}", "someone")
    forge.add(f"{MARKER}\nold", BOT)
    assert comment.on_github(folder, given(forge)) == "updated"
    assert len(forge.comments) == 151


def test_nobody_is_notified_by_a_sample(forge: Server, folder: Path) -> None:
    forge.open_pull(12, SHA)
    comment.on_github(folder, given(forge))
    assert "@author" not in forge.bodies()[0]
    assert "says @\u2060author" in forge.bodies()[0]


def test_a_pull_request_that_changes_what_reviews_it_is_marked(forge: Server, folder: Path) -> None:
    forge.open_pull(12, SHA)
    forge.files = ["params.yaml", "review/gates.py", ".github/workflows/review.yml"]
    comment.on_github(folder, given(forge))
    assert forge.bodies()[0].splitlines()[:3] == [
        MARKER,
        "",
        "> **This pull request changes what reviews it:** `review/gates.py`, `.github/workflows/review.yml`. "
        "Read those changes before this review.",
    ]


@pytest.mark.parametrize(
    ("sha", "repository", "why"),
    [
        ("b" * 40, REPOSITORY, "has another head than the run: newer commits are reviewed anew"),
        (SHA, "stranger/models", "comes from another repository than the run"),
    ],
)
def test_a_run_cannot_speak_under_another_pull_request(
    forge: Server, folder: Path, sha: str, repository: str, why: str
) -> None:
    forge.open_pull(12, sha, repository)
    assert comment.on_github(folder, given(forge)) == f"nothing posted: pull request 12 {why}"
    assert forge.comments == []


def test_a_fork_is_commented_on(forge: Server, folder: Path) -> None:
    forge.open_pull(12, SHA, "stranger/models")
    assert comment.on_github(folder, given(forge, RUN_REPOSITORY="stranger/models")) == "created"


@pytest.mark.parametrize("number", ["", "12; rm -rf /", "0", "../12", "1" * 12, "١٢"])
def test_a_number_is_a_number(forge: Server, folder: Path, number: str) -> None:
    (folder / "number").write_text(number)
    with pytest.raises(UserError, match="is not that of a pull request"):
        comment.on_github(folder, given(forge))
    assert forge.asked == []


def test_links_in_what_a_pull_request_left_are_not_followed(forge: Server, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{MARKER}\nsecret")
    (folder / "review.md").unlink()
    (folder / "review.md").symlink_to(tmp_path / "secret")
    forge.open_pull(12, SHA)
    with pytest.raises(UserError, match=r"review\.md: no such plain file"):
        comment.on_github(folder, given(forge))
    assert forge.comments == []


def test_a_text_without_the_marker_is_refused(forge: Server, folder: Path) -> None:
    (folder / "review.md").write_text("## Review\n")
    forge.open_pull(12, SHA)
    with pytest.raises(UserError, match="does not begin with"):
        comment.on_github(folder, given(forge))


def test_a_long_review_is_cut_at_a_paragraph_to_what_a_comment_holds(forge: Server, folder: Path) -> None:
    (folder / "review.md").write_text(f"{MARKER}\n" + "a paragraph\n\n" * 6000)
    forge.open_pull(12, SHA)
    comment.on_github(folder, given(forge))
    (body,) = forge.bodies()
    assert 65_000 < len(body) <= comment.MAX_CHARACTERS
    assert "a paragraph\n\nCut here, for want of room" in body


def test_a_refusal_names_the_request_and_the_reason(forge: Server, folder: Path) -> None:
    with pytest.raises(UserError, match=r"GET .*/pulls/12: 404 Not Found"):
        comment.on_github(folder, given(forge))


def test_plots_are_shown_from_a_branch_of_their_own(forge: Server, folder: Path, origin: Path) -> None:
    (folder / "plots/loss.png").write_bytes(png(1))
    (folder / "plots/roc.png").write_bytes(png(2))
    forge.open_pull(12, SHA)
    comment.on_github(folder, given(forge), origin)
    names = in_origin(origin, "ls-tree", "-r", "--name-only", "review-assets").split()
    assert [name.split("-")[0] for name in names] == ["12/loss", "12/roc"]
    for name in names:
        assert f"](https://github.com/team/models/raw/review-assets/{name})" in forge.bodies()[0]
    assert "![loss](" in forge.bodies()[0]


def test_without_a_place_for_plots_the_comment_is_still_written(
    forge: Server, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "plots/loss.png").write_bytes(png())
    forge.open_pull(12, SHA)
    assert comment.on_github(folder, given(forge), tmp_path) == "created"
    assert "without pictures: git hash-object" in capsys.readouterr().err


def test_pictures_of_one_pull_request_replace_its_own_and_leave_the_others(origin: Path) -> None:
    pictures.publish({"loss.png": png(1)}, 3, origin)
    pictures.publish({"loss.png": png(2)}, 12, origin)
    paths = pictures.publish({"loss.png": png(3)}, 3, origin)
    names = in_origin(origin, "ls-tree", "-r", "--name-only", "review-assets").split()
    assert len(names) == 2
    assert paths["loss.png"] in names
    assert in_origin(origin, "rev-list", "--count", "review-assets").strip() == "1"


def test_old_pull_requests_make_room(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "KEPT", 2)
    for number in (9, 10, 100):
        pictures.publish({"loss.png": png()}, number, origin)
    assert in_origin(origin, "ls-tree", "--name-only", "review-assets").split() == ["10", "100"]


def test_a_push_that_comes_between_is_not_lost(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures.publish({"loss.png": png()}, 1, origin)
    current, calls = pictures._current, []

    def late(root: Path, remote: str) -> str:
        found = current(root, remote)
        calls.append(found)
        if len(calls) == 1:
            pictures.publish({"loss.png": png()}, 2, root)
        return found

    monkeypatch.setattr(pictures, "_current", late)
    pictures.publish({"loss.png": png()}, 3, origin)
    assert in_origin(origin, "ls-tree", "--name-only", "review-assets").split() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("page.html", b"<html>"), ("loss.png", b"<svg/>"), ("a b.png", png()), ("big.png", pictures.PNG + b"0" * 2**20)],
)
def test_only_small_png_files_of_plain_name_are_pictures(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match="not a"):
        pictures.read(tmp_path)


def test_a_merge_request_gets_its_note_with_uploaded_plots(forge: Server, folder: Path) -> None:
    (folder / "plots/loss.png").write_bytes(png())
    job = {
        "CI_API_V4_URL": forge.url,
        "CI_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_IID": "4",
        "CI_PIPELINE_URL": "https://gitlab.com/p/1",
        "REVIEW_TOKEN": "t",
    }
    assert comment.on_gitlab(folder, job) == "created"
    (folder / "review.md").write_text(f"{MARKER}\nnew\n")
    assert comment.on_gitlab(folder, job) == "updated"
    (body,) = forge.bodies()
    assert "![loss.png](/uploads/loss.png)" in body
    assert png() in forge.uploads["loss.png"]
