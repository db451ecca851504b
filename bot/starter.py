"""What `earnings-desk init` writes."""

from __future__ import annotations

STARTER = """\
# Earnings Desk. What is not secret stands here; addresses and secrets stand in the environment or in .env:
# DATABASE_URL (default sqlite:///earnings-desk.db), HTTP_HOST, HTTP_PORT, LOG_FORMAT and the tokens.
# Money is text ("50.00"), shares are text ("50%"), times are UTC.

[desk]
name = "Creator Studio"          # how the desk calls the platform
currency = "USD"
two_person_from = "500.00"       # a creator's withdrawals of 24 hours: from here on, two approvers
link_wait_hours = 24             # no new withdrawals for so long after a further chat account or another payout method

[programs.studio]                # the name stands in import files: program = studio
kind = "credits"
title = "Creator Studio"
settle_at = "03:00"              # UTC; everything up to the end of the day before
late_days = 31                   # usage for a day is taken until so many days after it was settled

# Terms are dated. To change them, add another [[programs.studio.terms]] with a later date; settled days keep theirs.
[[programs.studio.terms]]
from = 2025-01-01
share = "50%"                    # the creators' part of what remains after platform costs
credits_per_usd = 100
minimum = "50.00"                # smallest withdrawal

# Assistants: embed revenue day by day, marketplace and referrals when the month closes, one payout a month.
# Leave this part out, or the one above, if your platform has only one of the two.
[programs.assisters]
kind = "assistants"
title = "Assisters"
settle_at = "03:00"
late_days = 31
payout_day = "first-business-day"   # or 1 to 7: when closed months are paid out
holidays = "US"                  # whose bank holidays are no business days for that
business_days = [5, 7]           # how long sent money takes, fewest and most

[[programs.assisters.terms]]
from = 2025-01-01
share = "70%"                    # the creators' part of embed revenue and of the marketplace pools
referral = "20%"                 # of each payment by a user whom a creator referred; out of the platform's part
minimum_price_per_million = "3.75"  # the floor of embed prices
minimum = "10.00"                # smallest payout

# Ways to be paid. "manual": an admin pays outside of the desk and then presses Mark paid or Mark failed.
# A creator is offered every method whose countries fit; the first one is the default.
[[rails.manual]]
title = "Bank transfer"          # how creators read it
countries = ["*"]                # or, for example, ["US", "DE"]
minimum = "0.00"
fee = "0.00"
business_days = [1, 3]           # how long it takes, fewest and most
"""
