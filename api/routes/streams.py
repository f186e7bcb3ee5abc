"""The routes of the served run: its description, its phase and clock, and its targets."""

from http import HTTPStatus

from fastapi import APIRouter

from api.errors import UnknownNameError, problems
from api.payloads.shared import is_simulated
from api.payloads.streams import StreamPayload, TargetsPayload, target_payload, waiting_payload
from api.reading.alarms import AlarmsPart
from api.reading.clocks import ClockPart
from api.reading.parameters import ArmPart
from api.reading.parts import SettingsPart
from api.reading.phases import phase_of
from api.reading.promotions import PromotionsPart
from api.reading.runs import RunPart
from api.reading.targets import TargetsPart
from api.reading.waiting import waiting_targets
from schemas.arms import CHAMPION
from schemas.targets import TargetPair
from schemas.time import text_of_time

router = APIRouter(tags=["stream"])
_PROBLEMS = problems(HTTPStatus.SERVICE_UNAVAILABLE)
_TARGET_PROBLEMS = problems(
    HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
)


@router.get("/v1/stream", summary="The run of data, and its clock", responses=_PROBLEMS)
def stream(settings: SettingsPart, run: RunPart, clock: ClockPart) -> StreamPayload:
    """Describes the run: live, replayed, simulated or mirrored data, and the time that the stream has reached."""
    description = run.description()
    speed = description.speed if settings.speed is None else settings.speed
    observed = clock.observed()
    return StreamPayload(
        stream=description.stream,
        kind=description.kind,
        title=description.title,
        source=description.source,
        is_simulated=any(
            is_simulated(
                source=description.source_of(instrument), instrument=instrument, kind=description.kind
            )
            for instrument in description.instruments
        ),
        instruments=list(description.instruments),
        origin_ms=description.origin_ms,
        warm_up_until_ms=description.warm_up_until_ms,
        end_ms=description.end_ms,
        speed=speed,
        parameters=description.parameters,
        clock_ms=observed.clock_ms,
        clock=None if observed.clock_ms is None else text_of_time(observed.clock_ms, "iso"),
        clock_unchanged_s=round(observed.unchanged_s, 3),
        phase=phase_of(description, observed, speed=speed),
    )


@router.get(
    "/v1/targets",
    summary="The targets and their models",
    responses=_TARGET_PROBLEMS,
)
def targets(
    *,
    settings: SettingsPart,
    run: RunPart,
    configured: TargetsPart,
    promotions: PromotionsPart,
    alarms: AlarmsPart,
    arm: ArmPart = CHAMPION,
) -> TargetsPayload:
    """Lists every target that has a version in the arm, the default one first, and those without a champion yet."""
    default, served = settings.default, list(settings.served)
    promoted = promotions.newest(arm)
    if arm != CHAMPION and not promoted:
        message = f"no version was promoted to {arm}; arms of this run are {', '.join(promotions.arms()) or CHAMPION}"
        raise UnknownNameError(message)
    payloads = [
        target_payload(
            one,
            is_default=(one.interval, one.horizon) == default,
            leak_alarm=alarms.words_of(one.model_version),
        )
        for one in promoted
    ]
    waiting = [
        waiting_payload(target, is_default=target.pair == default, reason=alarms.why_held_back(target))
        for target in (waiting_targets(configured.configured(), promoted) if arm == CHAMPION else [])
    ]

    def place(interval_horizon: TargetPair) -> int:
        return served.index(interval_horizon) if interval_horizon in served else len(served)

    payloads.sort(key=lambda one: (one.instrument, place(TargetPair(one.interval, one.horizon))))
    return TargetsPayload(stream=run.stream, targets=payloads, waiting=waiting)
