"""What is said of images, documents and roles, and of one file: behind a 400, a 404 and a local server's 500."""

from __future__ import annotations

import pytest

from core.refused_requests import PLAIN, anthropic_error, rules_from, sent_request

NO_IMAGES = [
    "No endpoints found that support image input",
    "At most 0 image(s) may be provided in one prompt.",
    "messages[1].content must be a string",
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    "Invalid content type. image_url is only supported by certain models.",
    "this model does not support image input",
    "Model does not support images. Please use a model that does",
    "Multimodal not supported by this model",
    "The model doesn't support the image content block",
    "This model doesn't support the image field. Remove image and try again",
    "Image inputs are not supported by this model",
    "Image content blocks are not supported",
    "'messages.0.content' must be a string",
    "Invalid type for 'messages[1].content': expected a string, but got an array instead.",
    "messages.1.content: Input should be a valid string",
    "This model only supports text input",
    "glm-5 is not a multimodal model",
    "Vision is not enabled for this deployment",
    "The current model has no vision support",
    "Maximum of 0 images allowed",
    "当前模型不支持图片输入",
    "images are currently not supported",
    "multimodal inputs are not yet supported",
    "Unsupported content type image_url",
    "model is not a vision model",
    "The provided model does not have vision capabilities",
    "does not accept pictures",
    "no available channel supports vision",
    "Image understanding is not available for this model",
    "text-only model",
]


@pytest.mark.parametrize("words", NO_IMAGES)
@pytest.mark.parametrize("status", [400, 404, 500])
def test_learns_that_images_are_not_read(words: str, status: int) -> None:
    assert rules_from(anthropic_error(words), status=status) == ["block:image"]
    assert rules_from(anthropic_error(words), sent_request(PLAIN, betas=""), status) == []


OTHERS = [
    "At most 5 image(s) may be provided in one prompt.",
    "No endpoints found that support tool use",
    "Unsupported image format",
    "messages.0.content.0: image exceeds 5 MB maximum",
    "Could not process image",
    "Image URLs are not supported",
    "image media type image/bmp is not supported",
    "Requests containing more than 20 images are not supported",
    "The image dimensions are not supported",
    "messages.0.content: Input should be a valid list",
    "Unable to process input image",
    "remote images are not supported",
    "tools are not supported by this model",
    "max 100 images allowed",
    "messages.0.content.1.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png'",
    "metadata.user_id must be a string",
    "system must be a string",
    "messages: at least one message is required",
]


@pytest.mark.parametrize("words", OTHERS)
def test_what_is_said_of_one_file_or_of_something_else_is_not_about_images(words: str) -> None:
    assert "block:image" not in rules_from(anthropic_error(words))


@pytest.mark.parametrize(
    "words", ["PDFs are not supported", "this model cannot accept documents", "no document support"]
)
def test_learns_that_documents_are_not_read(words: str) -> None:
    assert rules_from(anthropic_error(words)) == ["block:document"]


TEMPLATES = [
    "Jinja Exception: System message must be at the beginning.",
    "Conversation roles must alternate user/assistant/user/assistant/...",
    "Only user, assistant and tool roles are supported, got system.",
    "Unexpected message role.",
    "Only one system message is allowed",
    "system messages can only appear at the start",
    "Roles must strictly alternate",
    "The system message should come first",
]


@pytest.mark.parametrize("words", TEMPLATES)
@pytest.mark.parametrize("status", [400, 500, 502])
def test_learns_from_a_chat_template_that_it_takes_no_system_role(words: str, status: int) -> None:
    traced = f"\n------------\nWhile executing CallExpression at line 4, column 3 in source:\n...\nError: {words}"
    for said in (words, traced):
        assert rules_from(anthropic_error(said), status=status) == ["role:system"]
        assert rules_from(anthropic_error(said), sent_request(PLAIN, betas=""), status) == []


@pytest.mark.parametrize("status", [401, 403, 429, 504, 529])
def test_an_error_of_another_kind_teaches_nothing(status: int) -> None:
    assert rules_from(anthropic_error("images are not supported"), status=status) == []
