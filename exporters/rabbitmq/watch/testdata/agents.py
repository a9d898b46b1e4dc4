"""Agents as those of Publik: workers of Celery that hear one broadcast."""

import os
import time

from celery import Celery
from kombu.common import Broadcast

app = Celery("agents", broker=os.environ["BROKER"])
app.conf.task_queues = (Broadcast("broadcast_tasks"),)
app.conf.task_routes = {"agents.deploy": {"queue": "broadcast_tasks", "exchange": "broadcast_tasks"}}


@app.task(ignore_result=True, acks_late=True, name="agents.deploy")
def deploy(seconds=0):
    time.sleep(seconds)
