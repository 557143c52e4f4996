/* Umbrella: the whole plugin ABI. Start with plugin.h, then the header of your kind.
 * SPDX-License-Identifier: Apache-2.0, as all of the SDK; a plugin built with it may be under any licence. */
#ifndef ESPALIER_ESPALIER_H
#define ESPALIER_ESPALIER_H

#include <espalier/difficulty.h>
#include <espalier/growth.h>
#include <espalier/schedule.h>

#endif
