"""What the pages of our own server say, by name; ``%(…)s`` is filled in where a text is used. Pure."""

from __future__ import annotations

from publisher.theme.words import marked

__all__ = ["TEXTS"]

TEXTS = {
    "asked_title": marked("Look into your mailbox"),
    "asked_text": marked(
        "We have sent a message to the address you gave, if it can get one from us. Open it and press its "
        "button, and you are subscribed."
    ),
    "asked_late": marked(
        "Nothing there after ten minutes? Look among the spam, and see whether the address was right."
    ),
    "again_title": marked("One more time, please"),
    "again_text": marked("The form came in a way that programs send it. If you are a person, press the button."),
    "again_button": marked("Subscribe me"),
    "address_title": marked("That is not an e-mail address"),
    "newsletter_title": marked("There is no such newsletter"),
    "go_back": marked("Please go back and try again."),
    "too_many_title": marked("Too many at once"),
    "too_many_text": marked("From where you are, many forms have come within the last hour. Please try again later."),
    "confirm_title": marked("Please confirm"),
    "confirm_text": marked("Do you want to get %(newsletter)s (%(cadence)s) by mail?"),
    "confirm_button": marked("Yes, send it to me"),
    "confirmed_title": marked("You are subscribed"),
    "confirmed_text": marked("%(newsletter)s will come to you by itself. Every edition has a link to unsubscribe."),
    "expired_title": marked("This link is too old"),
    "expired_text": marked("A link to confirm is good for seven days. We can send you a new one."),
    "expired_button": marked("Send me a new link"),
    "left_title": marked("You have unsubscribed since"),
    "left_text": marked(
        "This link confirmed an earlier subscription. To get %(newsletter)s again, please subscribe anew."
    ),
    "refused_title": marked("We must not write to this address"),
    "refused_text": marked(
        "It complained about our mail, or we were asked not to write to it. If that is wrong, please write to "
        "%(sender)s."
    ),
    "unsubscribe_title": marked("Unsubscribe?"),
    "unsubscribe_text": marked("Press the button, and you will not get %(newsletter)s any more."),
    "unsubscribe_button": marked("Unsubscribe"),
    "unsubscribed_title": marked("You are unsubscribed"),
    "unsubscribed_text": marked(
        "You will not get %(newsletter)s any more. A message that is on its way already may still arrive."
    ),
    "the_newsletter": marked("this newsletter"),
    "preferences_title": marked("What you get"),
    "preferences_text": marked("You subscribe to %(newsletter)s."),
    "preferences_question": marked("How often?"),
    "preferences_button": marked("Save"),
    "topics_question": marked("What about?"),
    "topics_hint": marked("Tick what you want to read, or nothing to get everything. It holds for new articles."),
    "topics_sections": marked("Sections"),
    "topics_tags": marked("Tags"),
    "topics_authors": marked("Authors"),
    "topics_languages": marked("Languages"),
    "saved_title": marked("Saved"),
    "saved_text": marked("From the next edition on, you get %(newsletter)s like this: %(cadence)s."),
    "more_heading": marked("More settings"),
    "more_text": marked(
        "To pause, to change language or address, or for your data, we mail you a link: others may have this page."
    ),
    "more_button": marked("Mail me the link"),
    "settings_asked_text": marked("If this subscription is still yours, a message with a link is on its way to you."),
    "settings_title": marked("Your settings"),
    "settings_text": marked("%(newsletter)s for %(address)s."),
    "settings_button": marked("Save"),
    "snooze_label": marked("Pause until"),
    "snooze_hint": marked("Nothing comes before that day; then one message with what you missed. Empty: no pause."),
    "how_label": marked("How it comes"),
    "how_mail": marked("By mail"),
    "how_feed": marked("As a feed of your own, instead of mail"),
    "language_label": marked("Language of the words around the articles"),
    "timezone_label": marked("Time zone, since it comes by your own clock"),
    "settings_saved_text": marked("It holds from the next edition on."),
    "address_heading": marked("Another address"),
    "address_text": marked("We mail the new address a link to confirm; until then all stays as it is."),
    "address_label": marked("New e-mail address"),
    "address_button": marked("Change the address"),
    "address_confirm_title": marked("Is this your new address?"),
    "address_confirm_text": marked("Press the button, and %(newsletter)s comes to it from now on."),
    "address_confirm_button": marked("Yes, send it here"),
    "moved_title": marked("The address is changed"),
    "moved_text": marked("%(newsletter)s comes to the new address from now on."),
    "reads_already_title": marked("This address has a subscription of its own"),
    "reads_already_text": marked("Nothing was changed. Unsubscribe the old address by the link in its messages."),
    "private_heading": marked("Your own feed"),
    "private_offer": marked(
        "What you have chosen here, in a feed reader, under an address that only you know. A new address ends the one "
        "before."
    ),
    "private_button": marked("Make an address"),
    "private_title": marked("Your own feed of %(newsletter)s"),
    "private_text": marked(
        "Copy one of these addresses into your feed reader, and keep it to yourself: whoever has it sees what you have "
        "chosen. It shows what you choose later, too, and ends when you unsubscribe or make a new one."
    ),
    "feed_end_heading": marked("End the address of your feed"),
    "feed_end_text": marked("It leads nowhere then, and %(newsletter)s comes by mail, also if it does not now."),
    "feed_end_button": marked("End the address"),
    "feed_ended_title": marked("The address of your feed has ended"),
    "feed_ended_text": marked("%(newsletter)s comes by mail."),
    "data_heading": marked("Your data"),
    "data_text": marked("All that we keep about you, as a file (JSON)."),
    "data_button": marked("Get the file"),
    "erase_heading": marked("Erase everything"),
    "erase_text": marked("It ends all your subscriptions here and removes all that we keep about you, for good."),
    "erase_sure": marked("Yes, I am sure"),
    "erase_button": marked("Erase everything"),
    "erase_unsure_title": marked("Please tick that you are sure"),
    "erased_title": marked("Everything is erased"),
    "erased_text": marked("We know nothing about you any more, and will not write again."),
    "settings_expired_title": marked("This link is too old"),
    "settings_expired_text": marked("It was good for one day. The page that each edition links to has a new one."),
    "not_subscribed_title": marked("You do not subscribe to %(newsletter)s"),
    "invalid_title": marked("This link is not complete"),
    "invalid_text": marked("A mail program may have cut it. Please open it from the message again, or copy all of it."),
    "busy_title": marked("Please try again in a minute"),
    "busy_text": marked("We could not write it down just now. Nothing was changed."),
    "subscribe_wording": marked(
        "Subscribe to %(newsletter)s (%(cadence)s). You will be asked to confirm by mail. Every edition has a "
        "link to unsubscribe."
    ),
}
