"""Words of commands that are loaded only when called: a list of commands does not look into them."""

PLAN = "\n\n".join(
    (
        "Show what a programme will be worth and what it will cost, before any record is read.",
        "Example:  samentel plan aanleiding-demo --nodes 4",
        "Example:  samentel plan registratie-2025 --nodes 40 --absent 2 --page plan.html --lang en",
        "Example:  samentel plan registratie-2025 --nodes 40 --target total=3,2way=4",
        "Example:  samentel plan registratie-2025 --nodes 40 --drop help-form --drop help-age",
        "Example:  samentel plan my-programme.toml --roster roster.json.dsse.json --json",
    )
)
SHARES = "\n\n".join(
    (
        "Divide a programme's rho over its tables so that their weighted error is least, for its author.",
        "Example:  samentel shares registratie-2025",
        "Example:  samentel shares my-programme.toml --write my-programme.toml",
    )
)
VERIFY = "\n\n".join(
    (
        "Check a signed programme or roster, a proof about a round, or a release directory.",
        "Of a release: the signatures, every file, every figure made again from the sums as measured, the "
        "noise that the programme asks for, and who agreed to be in the sum. Says what it did not check.",
        "Example:  samentel verify programme.toml.dsse.json --authority cbs.pub.pem "
        "--authority rapporteur.pub.pem",
        "Example:  samentel verify release/ --credentials credentials/",
        "Example:  samentel verify release/ --credentials credentials/ --roster roster.json.dsse.json "
        "--receipt receipt.json",
        "Example:  samentel verify evidence.json --authority cbs.pub.pem --authority rapporteur.pub.pem",
    )
)
COMPARE = "\n\n".join(
    (
        "Show what changed between two releases of a programme, and which of it is more than noise.",
        "Example:  samentel compare release-2024/ release-2025/",
        "Example:  samentel compare release-2024/ release-2025/ --table reason --everything --lang nl",
        "Example:  samentel compare release-2025/ correction/ --json",
    )
)
COUNTERSIGN = "\n\n".join(
    (
        "Examine a release as verify does and, if nothing wrong is found, sign its manifest too.",
        "The coordinator takes the file in with: samentel-aggregator release countersigned FILE.",
        "Example:  samentel countersign release/ --key cbs.key.pem --credentials credentials/",
    )
)
RELEASES = "\n\n".join(
    (
        "List all releases, newest first, with what took their place and what was found to be wrong in them.",
        "Example:  samentel releases --credentials credentials/",
    )
)
SECTOR = "\n\n".join(
    (
        "Write exports and mapping files of institutions that do not exist, and the true tables apart.",
        "OUT/NODE/ receives an institution's exports and its mapping.toml; OUT/roster.csv what the roster "
        "says of each institution; OUT/truth/ the true cells of every table of a programme. The people are "
        "drawn after published figures. Forty institutions are a whole country. Fewer are a part of it, not "
        "a calibrated one; up to twelve are those of the demo, with fewer clients each.",
        "Example:  samentel rehearse sector --out sector",
        "Example:  samentel rehearse sector --institutions 12 --programme registratie-demo --out twelve",
        "Example:  samentel rehearse sector --year 2017 --seed 3 --no-consent-required --out before-2018",
    )
)
