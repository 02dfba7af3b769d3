/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, The kubeaddons.metallb authors
 *
 * Holds a pod's namespaces: sleeps, reaps, ends when told to. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number)
{
	(void)number;
	_exit(0);
}

static void reap(int number)
{
	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	signal(SIGINT, end);
	signal(SIGTERM, end);
	signal(SIGCHLD, reap);
	for (;;)
		pause();
}
