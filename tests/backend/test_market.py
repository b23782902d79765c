import json

from backend.market import SYMBOLS, Market, iso

START = 1_700_000_000.0
QUOTE_KEYS = {
    *("symbol", "mua_chu_dong_volume", "mua_chu_dong_value", "ban_chu_dong_volume", "ban_chu_dong_value"),
    *("neutral_volume", "total_volume", "last_updated", "ato", "continuous", "atc"),
}
STOCK_KEYS = {
    *("symbol", "buy_volume", "sell_volume", "net_volume", "buy_value", "sell_value", "net_value", "total_room"),
    *(
        "current_room",
        "buy_speed_per_min",
        "sell_speed_per_min",
        "buy_acceleration",
        "sell_acceleration",
        "last_updated",
    ),
}


def ticked(seed: int = 1, ticks: int = 300) -> Market:
    market = Market(seed, START)
    for tick in range(ticks):
        market.tick(START + tick * 0.1)
    return market


def size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def test_one_seed_makes_one_market() -> None:
    assert ticked(7).snapshot() == ticked(7).snapshot()
    assert ticked(7).snapshot() != ticked(8).snapshot()


def test_the_payloads_are_about_as_large_as_the_targets() -> None:
    market = ticked()
    assert 28_000 < size(market.snapshot()) < 34_000
    assert 12_000 < size(market.foreign_detail()) < 14_000


def test_a_long_day_does_not_make_the_snapshot_grow() -> None:
    assert abs(size(ticked(ticks=3000).snapshot()) - size(ticked(ticks=300).snapshot())) < 500


def test_every_ticker_has_what_the_target_tells_of_it() -> None:
    market = ticked()
    snapshot = market.snapshot()
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 30
    assert list(snapshot["quotes"]) == list(snapshot["prices"]) == list(SYMBOLS)
    assert all(set(quote) == QUOTE_KEYS for quote in snapshot["quotes"].values())
    prices = {"last_price", "change", "change_pct", "ref_price", "ceiling", "floor"}
    assert all(set(price) == prices for price in snapshot["prices"].values())
    assert [set(stock) for stock in market.foreign_detail()["stocks"]] == [STOCK_KEYS] * 30
    assert market.volume_stats()["stats"] == list(snapshot["quotes"].values())


def test_the_numbers_of_a_market_fit_together() -> None:
    snapshot = ticked().snapshot()
    for quote in snapshot["quotes"].values():
        parts = ("mua_chu_dong_volume", "ban_chu_dong_volume", "neutral_volume")
        assert quote["total_volume"] == sum(quote[part] for part in parts)
        assert quote["total_volume"] == sum(quote[session]["total_volume"] for session in ("ato", "continuous", "atc"))
    for price in snapshot["prices"].values():
        assert price["floor"] <= price["last_price"] <= price["ceiling"]
    foreign, index = snapshot["foreign"], snapshot["indices"]["VN30"]
    assert foreign["total_net_value"] == foreign["total_buy_value"] - foreign["total_sell_value"]
    assert index["advances"] + index["declines"] + index["no_changes"] == 30
    leads = [lead["net_value"] for lead in foreign["top_buy"]]
    assert leads == sorted(leads, reverse=True)


def test_a_tick_trades_a_third_of_the_tickers_and_stamps_them() -> None:
    market = ticked(ticks=0)
    traded = market.tick(START + 60)
    changed = [symbol for symbol, quote in market.quotes.items() if quote["last_updated"] == iso(START + 60)]
    assert len(traded) == 10
    assert sorted(traded) == changed


def test_there_are_no_derivatives_while_the_feed_is_down() -> None:
    market = ticked()
    assert list(market.snapshot()["derivatives"]) == ["VN30F1M"]
    market.feed_connected = False
    assert market.snapshot()["derivatives"] is None


def test_times_are_those_of_the_exchange() -> None:
    assert iso(0) == "1970-01-01T07:00:00.000000+07:00"
