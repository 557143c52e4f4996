/* Umbrella: the whole plugin ABI. Start with plugin.h, then the header of your kind. */
#ifndef ESPALIER_ESPALIER_H
#define ESPALIER_ESPALIER_H

#include <espalier/difficulty.h>
#include <espalier/growth.h>
#include <espalier/schedule.h>

#endif
