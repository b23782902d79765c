"""A seeded market: thirty tickers, an index, foreign flow and derivatives that change by the tick.

No clock, no event loop, no HTTP.

Times are given to it (seconds since the epoch), and what it holds is ready for JSON: the shapes of the target's API.
"""

import random
from datetime import datetime, timedelta, timezone
from typing import Any

__all__ = ["SYMBOLS", "Market", "iso"]

SYMBOLS = (
    *("ACB", "BCM", "BID", "BVH", "CTG", "FPT", "GAS", "GVR", "HDB", "HPG", "LPB", "MBB", "MSN", "MWG", "PLX"),
    *("SAB", "SHB", "SSB", "SSI", "STB", "TCB", "TPB", "VCB", "VHM", "VIB", "VIC", "VJC", "VNM", "VPB", "VRE"),
)
_INTRADAY_POINTS = 30
_INTRADAY_STEP = 1.0  # s
_LOT = 100
_TOP = 10
_HANOI = timezone(timedelta(hours=7))

Json = dict[str, Any]


def iso(now: float) -> str:
    """Write a time as the exchange's local time, ISO 8601."""
    return datetime.fromtimestamp(now, _HANOI).isoformat(timespec="microseconds")


class Market:
    """All that a tick changes. Two markets of one seed, ticked at the same times, are equal."""

    def __init__(self, seed: int, now: float) -> None:
        self._random = random.Random(seed)
        self.feed_connected = True
        stamp = iso(now)
        self.quotes = {symbol: _quote(symbol, self._random, stamp) for symbol in SYMBOLS}
        self.prices = {symbol: _price(self._random) for symbol in SYMBOLS}
        self.foreign_stocks = {symbol: _foreign_stock(symbol, self._random, stamp) for symbol in SYMBOLS}
        self.index = _index(self._random, now)
        self._derivative = _derivative(self.index, stamp)

    def tick(self, now: float) -> list[str]:
        """Trade a third of the tickers; return which."""
        stamp = iso(now)
        traded = self._random.sample(SYMBOLS, len(SYMBOLS) // 3)
        for symbol in traded:
            self._trade(symbol, stamp)
        self._move_index(now, stamp)
        return traded

    def snapshot(self) -> Json:
        """Give what `/api/market/snapshot` and the market channel tell."""
        return {
            "quotes": self.quotes,
            "prices": self.prices,
            "indices": self.indices(),
            "foreign": self.foreign(),
            "derivatives": self.derivatives(),
        }

    def indices(self) -> Json:
        """Give the one index, by its name."""
        return {"VN30": self.index}

    def derivatives(self) -> Json | None:
        """Give the front-month future; None while the feed is down."""
        return {self._derivative["symbol"]: self._derivative} if self.feed_connected else None

    def foreign(self) -> Json:
        """Give the totals of foreign flow, and who leads it."""
        stocks = list(self.foreign_stocks.values())
        by_net = sorted(stocks, key=lambda stock: stock["net_value"])
        totals: Json = {
            f"total_{side}_{what}": sum(stock[f"{side}_{what}"] for stock in stocks)
            for what in ("value", "volume")
            for side in ("buy", "sell", "net")
        }
        return totals | {
            "top_buy": [_lead(s) for s in reversed(by_net[-_TOP:])],
            "top_sell": [_lead(s) for s in by_net[:_TOP]],
        }

    def foreign_detail(self) -> Json:
        """Give what `/api/market/foreign-detail` tells."""
        return {"summary": self.foreign(), "stocks": list(self.foreign_stocks.values())}

    def volume_stats(self) -> Json:
        """Give what `/api/market/volume-stats` tells."""
        return {"stats": list(self.quotes.values())}

    def _trade(self, symbol: str, stamp: str) -> None:
        draw = self._random
        volume = draw.randint(1, 80) * _LOT
        price = self.prices[symbol]
        price["last_price"] = min(
            price["ceiling"], max(price["floor"], price["last_price"] + draw.choice((-50, 0, 50)))
        )
        price["change"] = price["last_price"] - price["ref_price"]
        price["change_pct"] = round(100 * price["change"] / price["ref_price"], 2)
        quote = self.quotes[symbol]
        side = draw.choice(("mua_chu_dong", "ban_chu_dong", "neutral"))
        for part in (quote, quote["continuous"]):
            part[f"{side}_volume"] += volume
            part["total_volume"] += volume
            if side != "neutral":
                part[f"{side}_value"] += volume * price["last_price"]
        quote["last_updated"] = stamp
        if draw.random() < 0.5:  # noqa: PLR2004 - half of the trades have a foreigner in them
            self._trade_foreign(self.foreign_stocks[symbol], volume, price["last_price"], stamp)

    def _trade_foreign(self, stock: Json, volume: int, price: int, stamp: str) -> None:
        side = self._random.choice(("buy", "sell"))
        stock[f"{side}_volume"] += volume
        stock[f"{side}_value"] += volume * price
        stock["net_volume"] = stock["buy_volume"] - stock["sell_volume"]
        stock["net_value"] = stock["buy_value"] - stock["sell_value"]
        stock["current_room"] -= volume if side == "buy" else -volume
        speed = stock[f"{side}_speed_per_min"]
        stock[f"{side}_speed_per_min"] = round(0.9 * speed + 0.1 * volume * 60, 2)
        stock[f"{side}_acceleration"] = round(stock[f"{side}_speed_per_min"] - speed, 2)
        stock["last_updated"] = stamp

    def _move_index(self, now: float, stamp: str) -> None:
        index, prices = self.index, self.prices.values()
        change_pct = sum(price["change_pct"] for price in prices) / len(SYMBOLS)
        index["value"] = round(index["prior_value"] * (1 + change_pct / 100), 2)
        index["change"] = round(index["value"] - index["prior_value"], 2)
        index["ratio_change"] = round(change_pct, 2)
        index["total_volume"] = sum(quote["total_volume"] for quote in self.quotes.values())
        index["advances"] = sum(price["change"] > 0 for price in prices)
        index["declines"] = sum(price["change"] < 0 for price in prices)
        index["no_changes"] = len(SYMBOLS) - index["advances"] - index["declines"]
        index["advance_ratio"] = round(index["advances"] / len(SYMBOLS), 4)
        index["last_updated"] = stamp
        if iso(now - _INTRADAY_STEP) >= index["intraday"][-1]["timestamp"]:
            index["intraday"] = [*index["intraday"][1:], {"timestamp": stamp, "value": index["value"]}]
        self._derivative["last_price"] = round(index["value"] + self._random.uniform(-4, 4), 1)
        self._derivative["basis"] = round(self._derivative["last_price"] - index["value"], 2)
        self._derivative["total_volume"] += self._random.randint(1, 40)
        self._derivative["last_updated"] = stamp


def _session(draw: random.Random, scale: int) -> Json:
    """Make one trading session's volumes, by who was aggressive: buyers (mua chủ động) or sellers (bán chủ động)."""
    bought, sold, neutral = (draw.randint(scale, 9 * scale) * _LOT for _ in range(3))
    return {
        "mua_chu_dong_volume": bought,
        "mua_chu_dong_value": bought * 45_000,
        "ban_chu_dong_volume": sold,
        "ban_chu_dong_value": sold * 45_000,
        "neutral_volume": neutral,
        "total_volume": bought + sold + neutral,
    }


def _quote(symbol: str, draw: random.Random, stamp: str) -> Json:
    sessions = {"ato": _session(draw, 1000), "continuous": _session(draw, 100_000), "atc": _session(draw, 1000)}
    totals = {key: sum(session[key] for session in sessions.values()) for key in sessions["ato"]}
    return {"symbol": symbol, **totals, "last_updated": stamp, **sessions}


def _price(draw: random.Random) -> Json:
    reference = draw.randint(200, 2000) * 50
    step = reference * 7 // 100 // 50 * 50  # the exchange's daily limit: 7 %
    ceiling, floor = reference + step, reference - step
    return {
        "last_price": reference,
        "change": 0,
        "change_pct": 0.0,
        "ref_price": reference,
        "ceiling": ceiling,
        "floor": floor,
    }


def _foreign_stock(symbol: str, draw: random.Random, stamp: str) -> Json:
    bought, sold, room = (draw.randint(100, 90_000) * _LOT for _ in range(3))
    return {
        "symbol": symbol,
        "buy_volume": bought,
        "sell_volume": sold,
        "net_volume": bought - sold,
        "buy_value": bought * 45_000,
        "sell_value": sold * 45_000,
        "net_value": (bought - sold) * 45_000,
        "total_room": room * 100,
        "current_room": room * 40,
        "buy_speed_per_min": round(bought / 255, 2),
        "sell_speed_per_min": round(sold / 255, 2),
        "buy_acceleration": 0.0,
        "sell_acceleration": 0.0,
        "last_updated": stamp,
    }


def _lead(stock: Json) -> Json:
    return {key: stock[key] for key in ("symbol", "net_volume", "net_value")}


def _index(draw: random.Random, now: float) -> Json:
    value = round(draw.uniform(1200, 1400), 2)
    ages = range(_INTRADAY_POINTS, 0, -1)
    return {
        "index_id": "VN30",
        "value": value,
        "prior_value": value,
        "change": 0.0,
        "ratio_change": 0.0,
        "total_volume": 0,
        "advances": 0,
        "declines": 0,
        "no_changes": len(SYMBOLS),
        "intraday": [{"timestamp": iso(now - age * _INTRADAY_STEP), "value": value} for age in ages],
        "last_updated": iso(now),
        "advance_ratio": 0.0,
    }


def _derivative(index: Json, stamp: str) -> Json:
    value = index["value"]
    return {"symbol": "VN30F1M", "last_price": value, "basis": 0.0, "total_volume": 0, "last_updated": stamp}
