"""What a relay stands on: its checkpoint, and the topic that this one names. Both may be changed under its feet."""

from __future__ import annotations

import time

from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.course import Overtaken
from services.chassis.kafka.own_topic import TopicEnds, WentBack, went_back
from services.chassis.kafka.topics import TopicShape, ensure_topic, gone, require_shape
from services.chassis.leases import Place, RelayPlace

SETTINGS_LOOKS = 3
"""At each so manieth look, the settings of the topic are looked at as well."""


class RelayTopic:
    """The topic of one store and how far it was filled. Methods raise Overtaken where another process leads by now or
    an operator set the checkpoint back, Unavailable where the topic is not as it was or no broker answers, and
    SQLAlchemyError."""

    def __init__(
        self, store: EventStore, place: RelayPlace, cluster: Cluster, shape: TopicShape, look_seconds: float
    ) -> None:
        self.name = cluster.topic_of(store.service)
        self.unreachable: str | None = None
        """Why the brokers could not be asked when it was last time to; None: they could."""
        self._store = store
        self._place = place
        self._cluster = cluster
        self._ends = TopicEnds(cluster)
        self._shape = shape
        self._look_seconds = look_seconds
        self._look_at = 0.0
        self._settings_seconds = SETTINGS_LOOKS * look_seconds
        self._settings_at = 0.0
        self._id = ""

    def lag(self) -> int:
        """How many events are not known to be there yet."""
        return self._store.last_position() - self._place.read().position

    def take(self, owner_epoch: int) -> int:
        """The position to go on behind, in a topic that is fit for it; made where there never was one."""
        self.unreachable = None
        place = self._place.take(owner_epoch)
        if place is None:
            raise Overtaken("the checkpoint belongs to a later holder")
        start = self._start(place)
        self._require_own()
        state = ensure_topic(self._cluster, self._store.service, self._store.info.partitions, self._shape, start)
        if start and place.topic_id not in (None, state.id):
            raise gone(self.name, start)
        if place.topic_id != state.id and not self._place.name_topic(state.id, owner_epoch):
            raise Overtaken("the checkpoint belongs to a later holder")
        self._id = state.id
        self._look_at = time.monotonic() + self._look_seconds
        self._settings_at = time.monotonic() + self._settings_seconds
        return start

    def _start(self, place: Place) -> int:
        """In a new epoch of the store, behind what both know: what was kept is the same in both."""
        head = self._store.last_position()
        if place.epoch in (0, self._store.info.epoch) and place.position > head:
            raise self._stopped(
                went_back(
                    f"已转发到 {place.position},事件库却只到 {head}",
                    f"events up to {place.position} were relayed and the store ends at {head}",
                )
            )
        return min(place.position, head)

    def _require_own(self) -> None:
        try:
            self._ends.require_own(self._store)
        except WentBack as error:
            raise self._stopped(error) from error

    def _stopped(self, found: WentBack) -> Unavailable:
        """Positions that were given away must not be used again, by whichever process."""
        self._store.stop(found.message, found.english)
        return Unavailable(found.message, found.english)

    def look_around(self, reached: int) -> None:
        """Now and then see whether the topic is still the same and as it must be, and the checkpoint where we put it.
        Brokers that don't answer are the library's affair: it tries on."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + self._look_seconds
        place = self._place.read()
        if (place.position, place.topic_id) != (reached, self._id):
            raise Overtaken(f"the checkpoint was moved from {reached} to {place.position}")
        try:
            state = self._cluster.look(self.name)
            settings = self._settings_now_and_then()
        except Unavailable as error:
            self.unreachable = str(error)
            return
        self.unreachable = None
        if state is None or state.id != self._id:
            raise gone(self.name, reached)
        if settings is not None:
            require_shape(self.name, state, self._store.info.partitions, self._shape, settings)

    def _settings_now_and_then(self) -> dict[str, str] | None:
        """The topic's; None: it is not time to ask again."""
        if time.monotonic() < self._settings_at:
            return None
        self._settings_at = time.monotonic() + self._settings_seconds
        return self._cluster.settings_of(self.name)
