"""Words of American names: short forms of first names, and what sets a son apart from his father.

What is not here: comparing names (`score`).
"""

from __future__ import annotations

from collections.abc import Mapping, Set

_SHORT = """
abigail abby gail; alexander alex al sandy xander; alexandra alex sandra sandy; andrew andy drew; anthony tony;
barbara barb babs; benjamin ben benny; catherine cathy cate kate kathy; charles charlie chuck chas;
christine chris chrissy tina; christina chris chrissy tina; christopher chris topher kit; cynthia cindy;
daniel dan danny; david dave davey; deborah deb debbie; dorothy dot dottie; donald don donnie; douglas doug;
edward ed eddie ted ned; elizabeth liz beth betty betsy eliza lisa libby; eugene gene; frances fran francie;
francis frank fran; francisco paco pancho; franklin frank; frederick fred freddie rick; gabriel gabe;
gerald gerry jerry; gregory greg; guadalupe lupe; harold harry hal; henry hank harry; isabella bella izzy;
jacob jake; jacqueline jackie; james jim jimmy jamie; janet jan; jeffrey jeff; jennifer jen jenny;
jessica jess jessie; jesus chuy; john johnny jack; jonathan jon john johnny; jose pepe; joseph joe joey;
joshua josh; judith judy; katherine kate kathy katie kat kay; kenneth ken kenny; kimberly kim; lawrence larry;
leonard leo len lenny; margaret maggie meg peggy marge greta; maria mary; martha marty; matthew matt;
melissa mel missy; michael mike mickey mick; nancy nan; nathaniel nathan nate; nathan nate;
nicholas nick nicky; pamela pam; patricia pat patty trish; patrick pat paddy; peter pete; philip phil;
rafael rafa; raymond ray; rebecca becky becca; richard rick dick rich richie; robert bob rob bobby robbie bert;
ronald ron ronnie; russell russ; samantha sam; samuel sam sammy; sandra sandy; sarah sally; stephanie steph;
stephen steve; steven steve; susan sue susie; theodore ted teddy theo; theresa terry tess; thomas tom tommy;
timothy tim; valerie val; veronica ronnie vera; victoria vicky tori; vincent vince vinny; virginia ginny;
walter walt; william will bill billy willie liam; zachary zach
"""

SUFFIXES = {"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "ii", "iii": "iii", "iv": "iv"}
"""What stands behind a last name, and its short form."""


def _table() -> Mapping[str, Set[str]]:
    """Short form -> the names it stands for."""
    found: dict[str, set[str]] = {}
    for line in _SHORT.split(";"):
        name, *forms = line.split()
        for form in forms:
            found.setdefault(form, set()).add(name)
    return found


NICKNAMES = _table()
