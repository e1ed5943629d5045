"""English word lists of the cleaners."""

_CONTENTLESS = """
a an the this that these those some any each every such own same other another
i me my mine myself we us our ours ourselves you your yours yourself yourselves
he him his himself she her hers herself it its itself they them their theirs themselves
who whom whose which what someone something anyone anything everyone everything
am is are was were be been being have has had having do does did doing
will would shall should can could may might must
of in on at by for from to into onto with within during through toward towards upon via as about
between among and or if because while than then when where why how there here also
i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's she'll she'd it's it'll it'd
we're we've we'll we'd they're they've they'll they'd
that's that'll there's here's who's what's where's how's
"""
STOP_WORDS = frozenset(_CONTENTLESS.split())
"""Words without content of their own.

Negations (no, not, never, n't), contrasts (but, however) and degrees (very, too, only) are absent: in most
tasks they carry the label.
"""

_NEGATED = "are could dare dared did do does had has have is may might must need ought should was were would"
NEGATED = tuple(_NEGATED.split())
"""What `n't` is taken apart from regularly."""

IRREGULAR = {
    "ain't": "is not",
    "can't": "cannot",
    "let's": "let us",
    "shan't": "shall not",
    "won't": "will not",
    "y'all": "you all",
}
SUFFIXES = {"'re": " are", "'ve": " have", "'ll": " will"}
