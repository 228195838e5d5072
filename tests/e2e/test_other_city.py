"""Two cities never share topics: what a trial or a rehearsal left on Kafka is found before a city is made there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from services.chassis.kafka.cluster import Cluster
from tests.e2e.forms import Cities
from tests.followers import record
from tests.kafka_topics import Publisher, access_to, own_prefix
from tests.processes import PROGRAMME
from tests.servers import Kafka
from tests.stores import make_store

MAKE = ("init", "--programme", PROGRAMME)


def test_a_city_is_not_made_on_the_topics_of_another(cities: Cities, kafka: Kafka, tmp_path: Path) -> None:
    city = cities.new(tmp_path / "city")
    prefix = city.settings["kafka_topic_prefix"]
    with (
        closing(make_store(tmp_path / "earlier.sqlite", "project_tracking", store_id="earlier-city")) as earlier,
        closing(Publisher(kafka)) as publisher,
    ):
        publisher.cluster.close()
        publisher.cluster = Cluster(access_to(kafka), prefix)
        record(earlier, 3)
        publisher.publish(earlier)
    reason = city.refused(*MAKE)
    assert (
        f"the topic {prefix}project_tracking.events holds what another city recorded (store id earlier-city" in reason
    )
    assert "choose another BIZENV_KAFKA_TOPIC_PREFIX, or delete the prefix's topics" in reason
    city.told(*MAKE, kafka_topic_prefix=own_prefix())
    assert city.events()["policy_registry"] > 0
