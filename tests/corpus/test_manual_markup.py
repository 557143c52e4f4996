"""Readers of manuals on small pieces of their formats: the prose stays, the markup goes."""

import unittest

import corpus_path  # noqa: F401

# isort: split
from corpuslib.extract import asciidoc, mallard, pod, rest, roff


def texts(documents):
    return {document.id: document.text for document in documents}


class Mallard(unittest.TestCase):
    def test_page_with_steps_terms_and_links(self):
        page = (
            '<page xmlns="http://projectmallard.org/1.0/" id="a"><info><desc>No.</desc><credit/></info>'
            "<title>Connect a device</title><p>Before you can use it, press <keyseq><key>Ctrl</key><key>C</key>"
            '</keyseq> once and read <link xref="b"/>, which says what to do about most of the other keys.</p>'
            "<steps><item><p>Open it.</p></item><item><p>Run this command:</p><code>ls</code></item>"
            "<item><p>Close it.</p></item></steps>"
            "<terms><item><title>PIN</title><p>A number.</p></item></terms></page>"
        )
        other = '<page xmlns="http://projectmallard.org/1.0/" id="b"><title>All keys</title></page>'
        result = texts(
            mallard.documents([("C/help/a.page", page.encode()), ("C/help/b.page", other.encode())])
        )
        self.assertEqual(
            result,
            {
                "help/a": 'Connect a device\n\nBefore you can use it, press Ctrl+C once and read "All keys", which '
                "says what to do about most of the other keys.\n\n1. Open it.\n3. Close it.\nPIN: A number."
            },
        )


class Rest(unittest.TestCase):
    SOURCE = """
=====
Intro
=====

:Author: A. M. K.

.. _label:

Using *it*
----------

Call :func:`~os.path.join` or :class:`dict`, see :ref:`label` and `a link <http://x.org>`_ [1]_.
It has ``*args`` in it.  For example::

   import os
   os.getcwd()

.. code-block:: c

   int x;

.. note::

   Keep this.

.. versionadded:: 3.4

* first item
  goes on
* second

term
   its meaning

+-----+-----+
| a   | b   |
+-----+-----+

====  ====
x     y
====  ====
1     2
====  ====

>>> 1 + 1
2

Empty section
-------------
"""

    def test_prose_stays(self):
        self.assertEqual(
            rest.plain(self.SOURCE, {"label": "Using it"}),
            "Intro\n\nUsing it\n\nCall os.path.join() or dict, see Using it and a link. It has *args in it.\n\n"
            "Keep this.\n\n- first item goes on\n- second\nterm: its meaning",
        )


class AsciiDoc(unittest.TestCase):
    SOURCE = """git-thing(1)
============

NAME
----
git-thing - Do a thing

SYNOPSIS
--------
[verse]
'git thing' [<options>]

DESCRIPTION
-----------
Use `git thing` with linkgit:git-add[1] and the <<def_tree,working
tree>>. You can do it by:

------------
$ git thing
------------

It is 'fine'.

OPTIONS
-------
-a::
--all::
	Take all of
	them.
+
And more.

include::config.txt[]

SEE ALSO
--------
linkgit:git-rm[1]
"""

    def test_prose_stays(self):
        self.assertEqual(
            asciidoc.plain(self.SOURCE),
            "git-thing - Do a thing\n\nDescription\n\nUse git thing with git-add(1) and the working tree.\n\n"
            "It is fine.\n\nOptions\n\n-a, --all: Take all of them.\n\nAnd more.",
        )


class Roff(unittest.TestCase):
    SOURCE = r"""'\" t
.\" SPDX-License-Identifier: GPL-2.0-or-later
.TH mmap 2 2023
.SH NAME
mmap \- map files
.SH SYNOPSIS
.nf
.B #include <sys/mman.h>
.SH DESCRIPTION
.BR mmap ()
maps \fIlength\fP bytes; see
.BR open (2).
.PP
It\(aqs
.RI \[lq] fine \[rq].
.TP
.B PROT_NONE
No access.
.IP \[bu] 3
An item.
.TS
l l.
a	b
.TE
.PP
After the table.
.SH SEE ALSO
.BR brk (2)
"""

    def test_prose_stays(self):
        self.assertEqual(
            roff.plain(self.SOURCE),
            "mmap - map files\n\nDescription\n\nmmap() maps length bytes; see open(2).\n\n"
            'It\'s "fine".\n\nPROT_NONE: No access.\n- An item.\n\nAfter the table.',
        )

    def test_licence_comes_from_the_page_and_links_are_skipped(self):
        page = self.SOURCE + ".SH NOTES\n" + "Many words are needed here. " * 20
        files = [("man2/mmap.2.gz", page.encode()), ("man2/munmap.2.gz", b".so man2/mmap.2\n")]
        result = list(roff.documents(files))
        self.assertEqual([(d.id, d.license) for d in result], [("mmap.2", "GPL-2.0-or-later")])


class Pod(unittest.TestCase):
    SOURCE = """=head1 NAME

perlthing - things

=head1 SYNOPSIS

    use Thing;

=head1 DESCRIPTION

See L<perlop/"Quotes"> and C<< $a <=> B<x> >> or E<lt>b>.X<index>

For example:

    print 1;

=over 4

=item *

A dot.

=item name

Its text.

=back

=begin html

<p>no</p>

=end html

=head1 AUTHOR

Somebody
"""

    def test_prose_stays(self):
        self.assertEqual(
            pod.plain(self.SOURCE),
            'perlthing - things\n\nDescription\n\nSee "Quotes" in perlop and $a <=> x or <b>.\n\n- A dot.\n'
            "name: Its text.",
        )


if __name__ == "__main__":
    unittest.main()
