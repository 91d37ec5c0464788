"""What podcast directories and players read in RSS: Apple's elements and the podcast namespace, as in PSP-1.

https://github.com/Podcast-Standards-Project/PSP-1-Podcast-RSS-Specification. feedgen's own extension writes
yes and no where true and false are asked for (https://podcasters.apple.com/support/823-podcast-requirements).
"""

from __future__ import annotations

from lxml import etree

from publisher.model.article import Audio
from publisher.syndication.characters import unlike_markup
from publisher.syndication.entries import Entry, Head, Show

__all__ = ["ITUNES", "PODCAST", "describe_episode", "describe_show", "enclose"]

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PODCAST = "https://podcastindex.org/namespace/1.0"


def describe_show(channel: etree._Element, show: Show) -> None:
    """Adds the podcast's own elements to the channel."""
    _itunes(channel, "author", unlike_markup(show.author))
    _itunes(channel, "type", show.kind)
    _itunes(channel, "explicit", _truth(show.explicit))
    if show.image:
        etree.SubElement(channel, f"{{{ITUNES}}}image", href=show.image)
    for category, inner in show.categories:
        element = etree.SubElement(channel, f"{{{ITUNES}}}category", text=category)
        if inner:
            etree.SubElement(element, f"{{{ITUNES}}}category", text=inner)
    if show.owner_address:
        owner = etree.SubElement(channel, f"{{{ITUNES}}}owner")
        _itunes(owner, "name", show.owner_name or show.author)
        _itunes(owner, "email", show.owner_address)
    etree.SubElement(channel, f"{{{PODCAST}}}guid").text = show.guid
    locked = etree.SubElement(channel, f"{{{PODCAST}}}locked")
    locked.text = "yes" if show.locked else "no"
    if show.owner_address:
        locked.set("owner", show.owner_address)


def describe_episode(item: etree._Element, entry: Entry, head: Head) -> None:
    """Adds the episode's elements to its item, if the feed is a podcast."""
    audio, show = entry.audio, head.show
    if audio is None or show is None:
        return
    _itunes(item, "explicit", _truth(show.explicit if audio.explicit is None else audio.explicit))
    _itunes(item, "episodeType", audio.kind)
    if audio.title:
        _itunes(item, "title", unlike_markup(audio.title))
    for name, number in (("duration", audio.duration), ("season", audio.season), ("episode", audio.episode)):
        if number:
            _itunes(item, name, str(number))
    if art := _art(entry, audio):
        etree.SubElement(item, f"{{{ITUNES}}}image", href=art)
    if audio.transcript:
        etree.SubElement(
            item,
            f"{{{PODCAST}}}transcript",
            url=audio.transcript,
            type=audio.transcript_type,
            language=entry.language,
        )
    if audio.chapters:
        etree.SubElement(item, f"{{{PODCAST}}}chapters", url=audio.chapters, type=audio.chapters_type)


def enclose(item: etree._Element, audio: Audio | None) -> None:
    """The one enclosure of an RSS item: https://www.rssboard.org/rss-profile#element-channel-item-enclosure."""
    if audio is not None:
        etree.SubElement(item, "enclosure", url=audio.url, length=str(audio.length), type=audio.media_type)


def _art(entry: Entry, audio: Audio) -> str:
    """The episode's own art, else its lead image if that is as large and as square as art has to be."""
    if audio.image:
        return audio.image
    image = entry.image
    if image is not None and 1400 <= image.width == image.height <= 3000:
        return image.url
    return ""


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _itunes(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{ITUNES}}}{name}").text = text
